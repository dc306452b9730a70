import Crypto
package import Kernel
package import Wire

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
  package func principal(for lines: HeaderLines) throws(Failure) -> Principal {
    guard let digest = Self.digestOfPresentedKey(in: lines) else {
      throw Failure(
        .unauthenticated, reason: "missing_api_key",
        "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'api-key: KEY'.")
    }
    guard let principal = principals[digest] else {
      throw Failure(.unauthenticated, reason: "invalid_api_key", "The API key is not known here.")
    }
    return principal
  }

  private static func digestOfPresentedKey(in lines: HeaderLines) -> SHA256Digest? {
    let bearer = lines.withFirst("authorization") { value -> SHA256Digest? in
      let scheme: StaticString = "bearer "
      let length = scheme.utf8CodeUnitCount
      // The space behind the scheme is the same with that bit set.
      guard value.count >= length, zip(value, 0..<length).allSatisfy({ $0 | 0x20 == scheme.utf8Start[$1] }) else {
        return nil
      }
      return SHA256.hash(bytes: value[length...].drop { $0 == 0x20 })
    }
    return (bearer ?? nil)
      ?? lines.withFirst("x-api-key") { SHA256.hash(bytes: $0[...]) }
      ?? lines.withFirst("api-key") { SHA256.hash(bytes: $0[...]) }
  }
}

extension SHA256 {
  fileprivate static func hash(bytes: Slice<UnsafeRawBufferPointer>) -> SHA256Digest {
    var hash = SHA256()
    hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes))
    return hash.finalize()
  }
}
