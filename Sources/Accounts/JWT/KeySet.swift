import JWTKit

/// The keys that an issuer publishes, as far as tokens can be verified with them.
///
/// Source: RFC 7517, sections 4 and 5; RFC 7518, section 6; RFC 8037, section 2.
struct KeySet: Sendable {
  /// More keys than any honest issuer has.
  static let keyLimit = 100

  /// A text that is no key set.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// How many keys of the set fit a token.
  enum Fit {
    case none
    case one(VerificationKey)
    case several
  }

  private struct Entry {
    var keyID: String?
    var key: VerificationKey
  }

  private let entries: [Entry]
  /// How many keys were passed over: for encryption, of another kind, too short, or private.
  let skippedCount: Int

  /// How many keys can be used.
  var count: Int { entries.count }

  /// Reads `{"keys": […]}`.
  ///
  /// - Throws: `Problem`. A key of a kind that is not known is passed over, as the standard says.
  init(json: [UInt8]) throws(Problem) {
    let keys: [JSONMembers]
    do {
      guard let values = try JSONMembers(json)["keys"]?.elements else { throw Problem(description: "no list 'keys'") }
      guard values.count <= Self.keyLimit else { throw Problem(description: "more than \(Self.keyLimit) keys") }
      keys = try values.map { try $0.members() }
    } catch {
      throw error as? Problem ?? Problem(description: "not JSON, a key that is no object, or a name that stands twice")
    }
    entries = keys.compactMap { key in VerificationKey(key).map { Entry(keyID: key["kid"]?.string, key: $0) } }
    skippedCount = keys.count - entries.count
  }

  /// Finds the key of a token: of the name and the algorithm in its header. Without a name, the algorithm alone must
  /// single one out.
  func find(_ header: TokenHeader) -> Fit {
    let fitting = entries.filter { entry in
      guard entry.key.algorithm.rawValue == header.algorithm else { return false }
      guard let keyID = header.keyID else { return true }
      return entry.keyID?.utf8.elementsEqual(keyID.utf8) ?? false
    }
    guard let first = fitting.first else { return .none }
    return fitting.count == 1 ? .one(first.key) : .several
  }
}

extension VerificationKey {
  /// Reads a public key that is for signatures; nil for any other.
  fileprivate init?(_ jwk: JSONMembers) {
    // Whoever publishes `d` has given the key away; a symmetric one (`oct`) is no key to publish either.
    guard jwk["use"].map({ $0.string == "sig" }) ?? true, jwk["d"] == nil else { return nil }
    switch jwk["kty"]?.string {
    case "RSA": self.init(rsa: jwk)
    case "EC": self.init(ec: jwk)
    case "OKP": self.init(okp: jwk)
    default: return nil
    }
    guard jwk["alg"].map({ $0.string == algorithm.rawValue }) ?? true else { return nil }
  }

  private init?(rsa jwk: JSONMembers) {
    guard let modulus = jwk.encodedBytes("n"), let exponent = jwk.encodedBytes("e"),
      // Throws for a key below 2048 bits, and for what is no key.
      let key = try? Insecure.RSA.PublicKey(modulus: modulus.text, exponent: exponent.text)
    else { return nil }
    self.init(material: .rsa(key))
  }

  private init?(ec jwk: JSONMembers) {
    guard jwk["crv"]?.string == "P-256", let x = jwk.encodedBytes("x"), x.count == 32,
      let y = jwk.encodedBytes("y"), y.count == 32,
      // Throws for a point that is not on the curve.
      let key = try? ES256PublicKey(parameters: (x: x.text, y: y.text))
    else { return nil }
    self.init(material: .ec(key))
  }

  private init?(okp jwk: JSONMembers) {
    guard jwk["crv"]?.string == "Ed25519", let x = jwk.encodedBytes("x"), x.count == 32,
      // Throws for what is no key.
      let key = try? EdDSA.PublicKey(x: x.text, curve: .ed25519)
    else { return nil }
    self.init(material: .ed25519(key))
  }
}

extension JSONMembers {
  /// A member that is bytes in base64url, strictly; JWTKit's own reading is lenient.
  fileprivate func encodedBytes(_ name: String) -> (text: String, count: Int)? {
    guard let text = self[name]?.string, let bytes = Base64URL.decode(text.utf8) else { return nil }
    return (text, bytes.count)
  }
}
