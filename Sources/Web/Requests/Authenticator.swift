package import Kernel
import Wire

/// Finds out who is asking: at once where this process knows, else by looking further.
package struct Authenticator: Sendable {
  /// The caller behind a digest, as far as this process knows; it is asked for every request, on its event loop.
  package typealias Known = @Sendable (KeyDigest) -> Caller?
  /// Looks further: it throws `unauthenticated` for what is no key, `unavailable` where that cannot be found out.
  package typealias Find = @Sendable (_ key: Secret, KeyDigest) async throws(Failure) -> Caller

  let known: Known
  let find: Find

  /// Asks `known` first, and `find` for whom it does not know.
  package init(known: @escaping Known, find: @escaping Find) {
    self.known = known
    self.find = find
  }

  /// Knows these keys, and no others.
  package init(_ callers: [(key: Secret, caller: Caller)] = []) {
    let byDigest = Dictionary(
      callers.map { (KeyDigest(of: $0.key.reveal()), $0.caller) }, uniquingKeysWith: { first, _ in first })
    self.init(known: { byDigest[$0] }, find: { _, _ throws(Failure) in throw Self.unknown })
  }

  /// No key was sent.
  package static var missing: Failure {
    Failure(
      .unauthenticated, reason: "missing_api_key",
      "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'api-key: KEY'.")
  }

  /// A key that is none: not a word about which there are.
  package static var unknown: Failure {
    Failure(.unauthenticated, reason: "invalid_api_key", "The API key is not known here.")
  }
}

/// The key in a request's head: `Authorization: Bearer`, else `x-api-key`, else `api-key`, as the SDKs send it.
enum PresentedKey {
  /// What is looked up for every request.
  static func digest(in lines: HeaderLines) -> KeyDigest? {
    read(lines) { KeyDigest(of: $0) }
  }

  /// The key itself, for where the digest does not say enough.
  static func text(in lines: HeaderLines) -> Secret? {
    read(lines) { Secret(String(decoding: $0, as: UTF8.self)) }
  }

  private static func read<Value>(_ lines: HeaderLines, _ use: (UnsafeRawBufferPointer) -> Value) -> Value? {
    let bearer = lines.withFirst("authorization") { value -> Value? in
      let scheme: StaticString = "bearer "
      let length = scheme.utf8CodeUnitCount
      // The space behind the scheme is the same with that bit set.
      guard value.count >= length, zip(value, 0..<length).allSatisfy({ $0 | 0x20 == scheme.utf8Start[$1] }) else {
        return nil
      }
      return use(UnsafeRawBufferPointer(rebasing: value[length...].drop { $0 == 0x20 }))
    }
    return (bearer ?? nil) ?? lines.withFirst("x-api-key", use) ?? lines.withFirst("api-key", use)
  }
}
