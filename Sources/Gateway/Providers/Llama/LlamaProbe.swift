import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Asks a local model server whether it can answer.
enum LlamaProbe {
  /// How long the answer may take. The client tries to connect again and again within it, so a server that opens its
  /// socket meanwhile is found at once.
  static let limit = TimeAmount.seconds(5)

  /// nil when it is ready; else what came instead: 503 while the model is loading.
  static func problem(socketPath: String) async -> String? {
    guard let url = URL(httpURLWithSocketPath: socketPath, uri: "/health") else { return "no URL for \(socketPath)" }
    var request = HTTPClientRequest(url: url.absoluteString)
    // The server closes idle connections after 5 s, just when the next probe would use one.
    request.headers.add(name: "connection", value: "close")
    do {
      let response = try await HTTPClient.shared.execute(request, timeout: limit)
      return response.status == .ok ? nil : "/health answered \(response.status.code)"
    } catch {
      return "no answer from /health: \(error)"
    }
  }
}
