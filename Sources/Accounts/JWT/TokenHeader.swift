/// What a token's header says that matters: an algorithm, which must be the key's own, and the name of a key.
///
/// What it brings along to be verified with (`jku`, `jwk`, `x5u`, `x5c`) is ignored, and no address in it is ever
/// asked: honest issuers send some of these, and a signature by such a key is not one by ours.
///
/// Source: RFC 7515, section 4.1; RFC 8725, sections 3.1 and 3.11; RFC 9068, section 2.1.
struct TokenHeader {
  /// `alg`, as it stands.
  let algorithm: String
  /// `kid`, if it has one.
  let keyID: String?

  /// Reads a header that was decoded from base64url.
  init(_ json: [UInt8]) throws(TokenTrouble) {
    let members: JSONMembers
    do {
      members = try JSONMembers(json)
    } catch {
      throw TokenTrouble(.malformed, "the header is not a JSON object with each name once")
    }
    guard let algorithm = members["alg"]?.string else { throw TokenTrouble(.malformed, "no alg") }
    // Extensions that must be understood, and none is: b64 would change what the signature is over.
    guard !members.contains("crit"), !members.contains("b64") else { throw TokenTrouble(.malformed, "crit or b64") }
    try Self.check(type: members["typ"])
    self.algorithm = algorithm
    keyID = members["kid"]?.string
    guard members["kid"] == nil || keyID != nil else { throw TokenTrouble(.malformed, "kid is not a string") }
  }

  /// A token of another kind, signed by the same key, must not pass for an access token.
  private static func check(type: JSONValue?) throws(TokenTrouble) {
    guard let type else { return }
    let known = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
    guard let text = type.string, known.contains(text.lowercased()) else {
      throw TokenTrouble(.malformed, "typ is neither JWT nor at+jwt")
    }
  }
}
