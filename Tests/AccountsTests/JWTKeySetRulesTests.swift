import Testing

@testable import Accounts

@Suite("A key set holds the keys that tokens can be verified with")
struct JWTKeySetRulesTests {
  private static func set(_ keys: String...) throws -> KeySet {
    try KeySet(json: Array(#"{"keys":[\#(keys.map { "{\($0)}" }.joined(separator: ","))]}"#.utf8))
  }

  @Test("Keys for signatures of each kind are taken", arguments: try JWTIssuer.published())
  func taken(issuer: JWTIssuer) throws {
    for more in ["", #","use":"sig""#, #","alg":"\#(issuer.algorithm)""#, #","x5c":["MIIB"],"kid":"a""#] {
      let set = try Self.set(issuer.jwk + more)
      #expect((set.count, set.skippedCount) == (1, 0), "\(more)")
    }
  }

  @Test("Other keys are passed over", arguments: try JWTIssuer.published())
  func skipped(issuer: JWTIssuer) throws {
    for more in [#","use":"enc""#, #","use":1"#, #","alg":"HS256""#, #","alg":"ES384""#, #","d":"AQAB""#] {
      let set = try Self.set(issuer.jwk + more)
      #expect((set.count, set.skippedCount) == (0, 1), "\(more)")
    }
  }

  @Test(
    "What is no key, or a weak one, is passed over",
    arguments: [
      "", #""kty":"oct","k":"\#(JWTIssuer.secretText)""#, #""kty":"RSA""#, #""kty":"RSA","n":"AQAB","e":"AQAB""#,
      #""kty":"RSA","n":"\#(String(repeating: "q", count: 172))","e":"AQAB""#,
      #""kty":"EC","crv":"P-384","x":"\#(zeros)","y":"\#(zeros)""#,
      #""kty":"EC","crv":"P-256","x":"\#(zeros)","y":"\#(zeros)""#, #""kty":"EC","crv":"P-256""#,
      #""kty":"OKP","crv":"X25519","x":"\#(zeros)""#, #""kty":"OKP","crv":"Ed25519","x":"AAAA""#,
      #""kty":"OKP","crv":"Ed25519","x":"\#(zeros)=""#,
    ])
  func weak(key: String) throws {
    let set = try Self.set(key)
    #expect((set.count, set.skippedCount) == (0, 1))
  }

  private static let zeros = String(repeating: "A", count: 43)

  @Test(
    "What is no set is refused whole",
    arguments: [
      "", "null", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[1]}"#, #"{"keys":[]"#, #"{"keys":[],"keys":[]}"#,
      #"{"keys":[{"kty":"RSA","kty":"RSA"}]}"#, "<html>",
      #"{"keys":[\#(Array(repeating: "{}", count: 101).joined(separator: ","))]}"#,
    ])
  func malformed(text: String) {
    #expect(throws: KeySet.Problem.self) { try KeySet(json: Array(text.utf8)) }
  }

  @Test("A token's key is the one of its name and algorithm; without a name, the only one of its algorithm")
  func found() throws {
    let (first, second) = (JWTIssuer.ec.jwk, JWTIssuer.otherEC.jwk)
    let rsa = try JWTIssuer.rsa().jwk
    let set = try Self.set(#"\#(first),"kid":"a""#, #"\#(second),"kid":"b""#, #"\#(rsa),"kid":"b""#, second)
    #expect(try set.fit(#"{"alg":"ES256","kid":"a"}"#) == "one")
    #expect(try set.fit(#"{"alg":"ES256","kid":"b"}"#) == "one")
    #expect(try set.fit(#"{"alg":"RS256","kid":"b"}"#) == "one")
    #expect(try set.fit(#"{"alg":"RS256","kid":"a"}"#) == "none")
    #expect(try set.fit(#"{"alg":"ES256","kid":"A"}"#) == "none")
    #expect(try set.fit(#"{"alg":"ES256","kid":""}"#) == "none")
    #expect(try set.fit(#"{"alg":"RS256"}"#) == "one")
    #expect(try set.fit(#"{"alg":"ES256"}"#) == "several")
    #expect(try set.fit(#"{"alg":"EdDSA"}"#) == "none")
    let doubled = try Self.set(#"\#(first),"kid":"a""#, #"\#(second),"kid":"a""#)
    #expect(try doubled.fit(#"{"alg":"ES256","kid":"a"}"#) == "several")
  }
}

extension KeySet {
  fileprivate func fit(_ header: String) throws -> String {
    switch find(try TokenHeader(Array(header.utf8))) {
    case .none: "none"
    case .one: "one"
    case .several: "several"
    }
  }
}
