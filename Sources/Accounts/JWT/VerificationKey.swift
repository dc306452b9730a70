import JWTKit
import Kernel

/// One key that tokens are verified with. Its kind is its algorithm: there is no choice left to a token.
struct VerificationKey: Sendable {
  /// The algorithms, by the names of RFC 7518 and RFC 8037.
  enum Algorithm: String, CaseIterable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
  }

  enum Material: Sendable {
    case secret(Secret)
    case rsa(Insecure.RSA.PublicKey)
    case ec(ES256PublicKey)
    case ed25519(EdDSA.PublicKey)
  }

  let material: Material

  var algorithm: Algorithm {
    switch material {
    case .secret: .hs256
    case .rsa: .rs256
    case .ec: .es256
    case .ed25519: .edDSA
    }
  }

  /// Whether a token is signed with this key.
  ///
  /// JWTKit is given a collection of this key alone and is asked for that key, without the token's `alg` or `kid`: it
  /// cannot choose another. It then sees the bytes that were decoded here, so that header and claims have one reader.
  ///
  /// An HMAC is compared in constant time: JWTKit's `HMACSigner.verify` calls swift-crypto's
  /// `HMAC.isValidAuthenticationCode`, which ends in `safeCompare` → `constantTimeCompare`: every byte is looked at
  /// and the differences are gathered. Only the lengths, which are public, are compared first. The other algorithms
  /// compare nothing that is secret.
  ///
  /// Source: jwt-kit 5.7.1, `HMAC/HMACSigner.swift`; swift-crypto 4.5.2, `HMAC/HMAC.swift` and
  /// `Util/BoringSSL/SafeCompare_boring.swift`.
  func accepts(_ token: SignedToken) async -> Bool {
    guard token.header.algorithm.utf8.elementsEqual(algorithm.rawValue.utf8) else { return false }
    let collection = JWTKeyCollection()
    switch material {
    case .secret(let secret):
      await collection.add(hmac: HMACKey(from: secret.reveal()), digestAlgorithm: .sha256)
    case .rsa(let key): await collection.add(rsa: key, digestAlgorithm: .sha256)
    case .ec(let key): await collection.add(ecdsa: key)
    case .ed25519(let key): await collection.add(eddsa: key)
    }
    do {
      return try await collection.getKey().verify(token.signature, signs: token.signed)
    } catch {
      return false  // Thrown for a signature that does not even have the right length.
    }
  }
}
