package import Kernel

import Foundation

/// How the llama.cpp server of one part is started: which executable, which model, which arguments.
package struct LlamaCommand: Sendable {
  /// The models that `./run` fetches, by the name they have in the configuration; any other name is the path of a file.
  package static let fetchedModels = ["smollm2", "minilm"]
  /// Requests that a server answers at once; more wait in its queue. They share the context.
  static let parallelRequests = 4
  /// The most connections to one server that leave room for a health probe: each, busy or idle, holds one of its
  /// threads. With all of them held the probes wait, and a server that is only busy would be killed as one that hangs.
  package static let connectionLimit = 240
  static let connectionThreads = connectionLimit + 16
  /// What a server may keep of earlier prompts, in MiB; left alone it takes 8 GiB.
  static let promptCacheMebibytes = 512

  /// The program to run.
  package let program: ChildProcess.Program
  /// The model file.
  package let modelPath: String

  /// Finds the executable and the model of `part`.
  ///
  /// - Parameter environment: this process's environment, of which the server gets a few harmless names.
  /// - Throws: `unavailable` when one of them is not there; the message says what helps.
  package init(
    _ part: LlamaPart, of configuration: LlamaConfiguration, dataDirectory: String, socketPath: String,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(Failure) {
    let model = configuration.model(of: part) ?? ""
    modelPath = try Self.modelPath(model, dataDirectory: dataDirectory)
    let path = try Self.executable(configuration.server, dataDirectory: dataDirectory, environment: environment)
    program = ChildProcess.Program(
      path: path,
      arguments: ["--model", modelPath, "--alias", model, "--host", socketPath]
        + Self.arguments(part, of: configuration),
      environment: Self.kept(of: environment))
  }

  private static func arguments(_ part: LlamaPart, of configuration: LlamaConfiguration) -> [String] {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let common =
      ["--threads", "\(configuration.threads ?? min(cores, 8))", "--threads-http", "\(connectionThreads)"]
      + ["--parallel", "\(parallelRequests)", "--no-webui"]
      + ["--no-slots"]  // it would show the prompts
    switch part {
    case .chat:
      // One request may use the whole context when it is alone: without `--kv-unified` each gets its own quarter.
      return common + ["--ctx-size", "\(configuration.contextTokens)", "--kv-unified"]
        + ["--cache-ram", "\(promptCacheMebibytes)"]
    case .embedding:
      // A sentence model reads a text in one piece, so the batch must hold the longest: 512 tokens. Larger is slower.
      return common + ["--embedding", "--pooling", "mean", "--ctx-size", "\(512 * parallelRequests)"]
        + ["--batch-size", "512", "--ubatch-size", "512"]
    }
  }

  private static func modelPath(_ model: String, dataDirectory: String) throws(Failure) -> String {
    let isFetched = fetchedModels.contains(model)
    let path = isFetched ? "\(dataDirectory)/models/\(model).gguf" : model
    guard access(path, R_OK) == 0 else {
      let names = fetchedModels.joined(separator: " or ")
      let remedy = isFetched ? "./run fetches it" : "name a GGUF file that Apus can read, or \(names)"
      throw Failure(.unavailable, "the model file \(path) is missing; \(remedy)")
    }
    return path
  }

  private static func executable(
    _ configured: String?, dataDirectory: String, environment: [String: String]
  ) throws(Failure) -> String {
    if let configured {
      guard let path = find(configured, environment: environment) else {
        throw Failure(.unavailable, "the llama.cpp server \(configured) is missing or not executable; correct `server`")
      }
      return path
    }
    let fetched = "\(dataDirectory)/llama-server/llama-server"
    guard let path = find("llama-server", environment: environment) ?? find(fetched, environment: environment) else {
      throw Failure(.unavailable, "no llama-server on the PATH, and none at \(fetched); ./run fetches it")
    }
    return path
  }

  /// As a shell would: a name without a slash is looked up on the PATH.
  private static func find(_ name: String, environment: [String: String]) -> String? {
    let folders = name.contains("/") ? [] : (environment["PATH"] ?? "").split(separator: ":")
    let candidates = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
    return candidates.first { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        && access(path, X_OK) == 0
    }
  }

  /// Our environment holds secrets, so the server gets the few names it needs and no others.
  private static func kept(of environment: [String: String]) -> [String] {
    let names = ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH"]
    return names.compactMap { name in environment[name].map { "\(name)=\($0)" } }
  }
}

extension LlamaConfiguration {
  /// The configured model of a part; nil when the provider has no such part.
  package func model(of part: LlamaPart) -> String? {
    switch part {
    case .chat: chatModel
    case .embedding: embeddingModel
    }
  }
}
