import Crypto
package import Kernel
package import NIOHTTP1

/// Knows every key by its SHA-256; the keys themselves are not kept.
package struct Authenticator: Sendable {
  private var principals: [SHA256Digest: Principal] = [:]

  /// Nobody is known.
  package init() {}

  /// Makes `key` stand for `principal`.
  package mutating func add(_ key: Secret, for principal: Principal) {
    principals[SHA256.hash(data: Array(key.reveal().utf8))] = principal
  }

  /// Who presents the key in `headers`: `Authorization: Bearer`, else `x-api-key`, else `api-key`, as the SDKs do.
  ///
  /// - Throws: `unauthenticated`, without a word about which keys there are.
  package func principal(for headers: HTTPHeaders) throws(Failure) -> Principal {
    guard let key = Self.presentedKey(in: headers) else {
      throw Failure(
        .unauthenticated, reason: "missing_api_key",
        "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'api-key: KEY'.")
    }
    guard let principal = principals[SHA256.hash(data: Array(key.utf8))] else {
      throw Failure(.unauthenticated, reason: "invalid_api_key", "The API key is not known here.")
    }
    return principal
  }

  private static func presentedKey(in headers: HTTPHeaders) -> String? {
    if let value = headers.first(name: "authorization"), let space = value.firstIndex(of: " "),
      value[..<space].lowercased() == "bearer"
    {
      return String(value[space...].drop { $0 == " " })
    }
    return headers.first(name: "x-api-key") ?? headers.first(name: "api-key")
  }
}
