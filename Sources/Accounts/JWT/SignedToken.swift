/// A token taken apart: nothing about it is known to be true yet.
///
/// Source: RFC 7515, section 7.1 (compact serialization).
struct SignedToken {
  /// A longer header is no honest one.
  static let headerLimitBytes = 4 << 10

  let header: TokenHeader
  /// The claims as they came: JSON, if it is honest.
  let payload: [UInt8]
  let signature: [UInt8]
  /// What the signature is over: the first two parts, encoded, with their dot.
  let signed: [UInt8]

  /// Takes a token apart and reads its header.
  init(_ token: String) throws(TokenTrouble) {
    guard token.utf8.count <= TokenVerifier.limitBytes else {
      throw TokenTrouble(.malformed, "longer than \(TokenVerifier.limitBytes) bytes")
    }
    let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
      throw TokenTrouble(.malformed, "not three parts")
    }
    guard let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
      let signature = Base64URL.decode(parts[2])
    else { throw TokenTrouble(.malformed, "not base64url without padding") }
    guard header.count <= Self.headerLimitBytes else {
      throw TokenTrouble(.malformed, "a header above \(Self.headerLimitBytes) bytes")
    }
    self.header = try TokenHeader(header)
    self.payload = payload
    self.signature = signature
    signed = Array(token.utf8[..<parts[1].endIndex])
  }
}
