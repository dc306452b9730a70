package import Kernel
package import Logging

/// Checks signed tokens against the configured key: form, then key, then signature, then claims.
///
/// Nothing here blocks: arithmetic runs in the calling task, and keys are fetched in one of their own.
package final class TokenVerifier: Sendable {
  private enum Keys {
    case one(VerificationKey)
    case published(KeySetSource)
  }

  /// Longer ones are refused before anything is done with them.
  package static let limitBytes = 16 << 10

  private let configuration: JWTConfiguration
  private let keys: Keys
  private let now: @Sendable () -> Int64

  /// Reads the key; `now` is in seconds since 1970.
  ///
  /// - Throws: `internalError` with the first of the configuration's problems.
  package init(
    _ configuration: JWTConfiguration, logger: Logger, now: @escaping @Sendable () -> Int64
  ) throws(Failure) {
    if let problem = configuration.problems().first { throw Self.failure(problem) }
    self.configuration = configuration
    self.now = now
    switch configuration.source {
    case .secret(let secret): keys = .one(VerificationKey(material: .secret(secret)))
    case .jwks(let url): keys = .published(KeySetSource(url: url, logger: logger, now: now))
    case .publicKey(let text):
      do throws(PublicKeyText.Problem) {
        keys = .one(try PublicKeyText.read(text))
      } catch {
        // The file has changed since it was looked at.
        throw Failure(.internalError, "auth.jwt.public_key came as \(error.came). \(error.remedy)")
      }
    }
  }

  private static func failure(_ problem: JWTConfiguration.Problem) -> Failure {
    Failure(
      .internalError, "\(problem.setting): expected \(problem.expected), came \(problem.came). \(problem.remedy)")
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

  /// Fetches published keys ahead of the first token, so that it need not wait; logs when they cannot be had. Does
  /// nothing for a key that is configured.
  package func prepare() async {
    if case .published(let source) = keys { await source.prepare() }
  }

  /// Who a token speaks for.
  ///
  /// Waits only for published keys, and at most 5 s. Nothing is remembered about the token.
  ///
  /// - Throws: `unauthenticated` (`invalid_token`) for whatever is wrong with the token; `unavailable`
  ///   (`jwks_unavailable`) when the keys cannot be fetched and so nothing is known about it.
  package func verify(_ token: String) async throws(Failure) -> VerifiedToken {
    let token = try refusing { () throws(TokenTrouble) in try SignedToken(token) }
    guard let key = try await key(for: token.header) else {
      throw TokenTrouble(.signature, "no published key, or more than one, has its kid and alg").failure
    }
    guard await key.accepts(token) else {
      throw TokenTrouble(.signature, "the alg is not the key's, or the signature is wrong").failure
    }
    let rules = ClaimRules(configuration: configuration, now: now())
    return try refusing { () throws(TokenTrouble) in try rules.judge(token.payload) }
  }

  /// The one key that a token with this header may be signed with. None makes it fetch keys for an algorithm that
  /// published keys cannot have.
  private func key(for header: TokenHeader) async throws(Failure) -> VerificationKey? {
    switch keys {
    case .one(let key): return key
    case .published(let source):
      guard let algorithm = VerificationKey.Algorithm(rawValue: header.algorithm), algorithm != .hs256 else {
        return nil
      }
      return try await source.key(for: header)
    }
  }

  private func refusing<Value>(_ body: () throws(TokenTrouble) -> Value) throws(Failure) -> Value {
    do {
      return try body()
    } catch {
      throw error.failure
    }
  }
}
