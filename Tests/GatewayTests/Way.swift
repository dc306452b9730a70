import Foundation
import NIOCore
import TestKit
import Testing

/// The two ways through the port; what one of them refuses, the other must refuse in the same words.
enum Way: String, CaseIterable, Sendable {
  case model, router

  /// A path that takes POST and nothing else.
  var path: String { self == .model ? "/v1/chat/completions" : "/api/v1/echo" }

  static let chat = #"{"model":"small","messages":[{"role":"user","content":"hi"}]}"#

  /// A request as bytes; with a body it says how long it is.
  func request(
    _ method: String = "POST", path: String? = nil, version: String = "HTTP/1.1", key: String? = Stand.key,
    headers: [String] = [], body: String? = Way.chat
  ) -> String {
    var lines = ["\(method) \(path ?? self.path) \(version)"]
    if !headers.contains(where: { $0.lowercased().hasPrefix("host:") }) { lines.append("host: apus") }
    if let key { lines.append("authorization: Bearer \(key)") }
    lines += headers
    let isFramed = headers.contains {
      $0.lowercased().hasPrefix("transfer-encoding:") || $0.lowercased().hasPrefix("content-length:")
    }
    if let body, !isFramed { lines.append("content-length: \(body.utf8.count)") }
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")
  }
}

extension Answer {
  /// The stable reason of an error, in either shape; nil for what is no error.
  var errorCode: String? {
    get throws {
      guard status >= 400, body.readableBytes > 0 else { return nil }
      let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      return (object["error"] as? [String: Any])?["code"] as? String ?? object["code"] as? String
    }
  }
}
