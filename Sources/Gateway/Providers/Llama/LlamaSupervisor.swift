package import Logging

import Foundation
import ServiceLifecycle

/// Starts, watches, restarts and stops the llama.cpp servers of one provider: one for chat, one for embeddings.
///
/// At a graceful shutdown it returns when its servers are gone, so it must be shut down after what sends requests to
/// them. However Apus ends, its servers end with it: see `ChildProcess`.
package final class LlamaSupervisor: Service {
  private let dataDirectory: String
  private let servers: [LlamaServer]

  /// A supervisor of the servers that `configuration` names models for; nothing is started before `run`.
  package init(provider: String, configuration: LlamaConfiguration, dataDirectory: String, logger: Logger) {
    // Absolute: whoever reads a path in the log or opens a socket may have another working folder.
    let folder = URL(fileURLWithPath: dataDirectory).standardizedFileURL.path
    let safeName = String(provider.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    self.dataDirectory = folder
    servers = LlamaPart.allCases.filter { configuration.model(of: $0) != nil }.map { part in
      LlamaServer(
        part, name: "\(safeName)-\(part)", configuration: configuration, dataDirectory: folder, logger: logger)
    }
  }

  /// One status for each server, chat first.
  package var statuses: [LlamaStatus] { servers.map(\.status) }

  /// Where the server of `part` listens; nil while it cannot answer. Cheap enough for each request.
  package func socketPath(for part: LlamaPart) -> String? {
    servers.first { $0.part == part }?.socketPath
  }

  package func run() async {
    LlamaSocket.removeStale(dataDirectory: dataDirectory)
    await withTaskGroup(of: Void.self) { group in
      for server in servers {
        group.addTask { await server.run() }
      }
    }
  }
}
