import Foundation

@testable import Accounts

extension JWTForgery {
  private static let attackerKey =
    #""jwk":{\#(JWTIssuer.otherEC.jwk)},"jku":"http://127.0.0.1:9/jwks","x5u":"http://127.0.0.1:9/x","x5c":["MIIB"]"#

  // MARK: The header

  static let headers: [JWTForgery] = [
    JWTForgery("the attacker's key in jwk, jku, x5u and x5c", .ec, .signature) { _ in
      try await JWTIssuer.otherEC.token(header: #"{"alg":"ES256",\#(attackerKey)}"#, honest)
    },
    JWTForgery("crit", header: #"{"alg":"HS256","crit":["exp"],"exp":1}"#),
    JWTForgery("crit of nothing", header: #"{"alg":"HS256","crit":[]}"#),
    JWTForgery("crit of null", header: #"{"alg":"HS256","crit":null}"#),
    JWTForgery("b64 false", header: #"{"alg":"HS256","b64":false}"#),
    JWTForgery("b64 false and crit", header: #"{"alg":"HS256","b64":false,"crit":["b64"]}"#),
    JWTForgery("no alg", header: #"{"typ":"JWT"}"#),
    JWTForgery("alg null", header: #"{"alg":null}"#),
    JWTForgery("alg a list", header: #"{"alg":["HS256"]}"#),
    JWTForgery("alg twice", header: #"{"alg":"none","alg":"HS256"}"#),
    JWTForgery("alg twice, once in escapes", header: #"{"alg":"HS256","\u0061lg":"HS256"}"#),
    JWTForgery("typ of an identity token", header: #"{"alg":"HS256","typ":"logout+jwt"}"#),
    JWTForgery("typ a number", header: #"{"alg":"HS256","typ":1}"#),
    JWTForgery("kid a number", header: #"{"alg":"HS256","kid":1}"#),
    JWTForgery("a header that is a list", header: #"["HS256"]"#),
    JWTForgery("a header that is a string", header: #""HS256""#),
    JWTForgery("a header with something behind it", header: #"{"alg":"HS256"} {}"#),
    JWTForgery("a header with a comment", header: #"{"alg":"HS256"/* */}"#),
    JWTForgery("a header above 4 KiB", header: #"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 4096))"}"#),
    JWTForgery(
      "a header 1,000 deep",
      header:
        #"{"alg":"HS256","x":\#(String(repeating: "[", count: 1000))\#(String(repeating: "]", count: 1000))}"#),
    JWTForgery("a header in broken UTF-8", .secret, .malformed) {
      try await $0.token(header: Array(#"{"alg":"HS256","kid":"\#("x")"#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8), [])
    },
    JWTForgery("a header with a byte order mark", .secret, .malformed) {
      try await $0.token(header: [0xEF, 0xBB, 0xBF] + Array(#"{"alg":"HS256"}"#.utf8), Array(honest.utf8))
    },
  ]

  // MARK: The text

  static let texts: [JWTForgery] = [
    JWTForgery("nothing", .secret, .malformed) { _ in "" },
    JWTForgery("two dots", .secret, .malformed) { _ in ".." },
    JWTForgery("two parts", .secret, .malformed) {
      try await $0.token(honest).split(separator: ".").prefix(2).joined(separator: ".")
    },
    JWTForgery("four parts", .secret, .malformed) { try await $0.token(honest) + ".e30" },
    JWTForgery("five parts, as if encrypted", .secret, .malformed) { try await $0.token(honest) + ".e30.e30" },
    JWTForgery("a dot behind it", .secret, .malformed) { try await $0.token(honest) + "." },
    JWTForgery("padding", .secret, .malformed) { try await $0.token(honest) + "=" },
    JWTForgery("padding in the header", .secret, .malformed) {
      let parts = try await $0.token(header: #"{"alg":"HS256"} "#, honest).split(separator: ".")
      return "\(parts[0])==.\(parts[1]).\(parts[2])"
    },
    JWTForgery("a line end behind it", .secret, .malformed) { try await $0.token(honest) + "\n" },
    JWTForgery("a space before it", .secret, .malformed) { " " + (try await $0.token(honest)) },
    JWTForgery("a line end in the middle", .secret, .malformed) {
      try await $0.token(honest).replacing(".", with: ".\n", maxReplacements: 1)
    },
    JWTForgery("the standard alphabet", .secret, .malformed) {
      // These claims have a '-' and a '_' in base64url, which are '+' and '/' in the standard.
      try await $0.token(honest.dropLast() + #","x":"??>>~~"}"#)
        .replacing("-", with: "+").replacing("_", with: "/") + "+"
    },
    JWTForgery("unused bits that are set", .secret, .malformed) {
      // 32 bytes end in a character of which two bits are unused.
      let token = try await $0.token(honest)
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
      let last = token.last.flatMap(alphabet.firstIndex) ?? 0
      return token.dropLast() + String(alphabet[last | 1])
    },
    JWTForgery("100 KB", .secret, .malformed) {
      try await $0.token(honest.dropLast() + #","x":"\#(String(repeating: "x", count: 75_000))"}"#)
    },
    JWTForgery("a byte above 16 KiB", .secret, .malformed) {
      let token = try await $0.token(honest)
      return token + String(repeating: "A", count: 16 * 1024 + 1 - token.utf8.count)
    },
    JWTForgery("JSON 10,000 deep", .secret, .malformed) {
      let (open, close) = (String(repeating: "[", count: 10_000), String(repeating: "]", count: 10_000))
      return try await $0.token(honest.dropLast() + #","x":\#(open)\#(close)}"#)
    },
    JWTForgery("JSON 5,000 deep, in a token of a good length", .secret, .malformed) {
      let (open, close) = (String(repeating: "[", count: 5_000), String(repeating: "]", count: 5_000))
      return try await $0.token(honest.dropLast() + #","x":\#(open)\#(close)}"#)
    },
    JWTForgery("claims in broken UTF-8", .secret, .malformed) {
      let claims = Array(honest.utf8.dropLast()) + Array(#","x":""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)
      return try await $0.token(header: Array(#"{"alg":"HS256"}"#.utf8), claims)
    },
    JWTForgery("letters of another script", .secret, .malformed) { _ in "еyJ.eyJ.eyJ" },
  ]

  // MARK: The claims

  static let dates: [JWTForgery] = [
    JWTForgery("expired", claims: with(#""exp":1699999000"#), .expired),
    JWTForgery("expired by the leeway, to the second", claims: with(#""exp":1699999970"#), .expired),
    JWTForgery("of 1970", claims: with(#""exp":0"#), .expired),
    JWTForgery("not yet valid", claims: honest.dropLast() + #","nbf":1700000031}"#, .notYetValid),
    JWTForgery("issued in the future", claims: honest.dropLast() + #","iat":1700000031}"#, .notYetValid),
    JWTForgery("nbf a string", claims: honest.dropLast() + #","nbf":"1"}"#),
    JWTForgery("iat negative", claims: honest.dropLast() + #","iat":-1}"#),
    JWTForgery("no exp", claims: honest.replacing(#""exp":1700000600,"#, with: "")),
    JWTForgery("exp null", claims: with(#""exp":null"#)),
    JWTForgery("exp a string", claims: with(#""exp":"1700000600""#)),
    JWTForgery("exp a list", claims: with(#""exp":[1700000600]"#)),
    JWTForgery("exp true", claims: with(#""exp":true"#)),
    JWTForgery("exp negative", claims: with(#""exp":-1700000600"#)),
    JWTForgery("exp huge", claims: with(#""exp":99999999999999999999"#)),
    JWTForgery("exp in milliseconds", claims: with(#""exp":1700000600000"#)),
    JWTForgery("exp beyond every number", claims: with(#""exp":1e400"#)),
    JWTForgery("exp not a number", claims: with(#""exp":NaN"#)),
    JWTForgery("exp of a hundred digits", claims: with(#""exp":1700000600.\#(String(repeating: "0", count: 100))"#)),
    JWTForgery("exp twice", claims: with(#""exp":1700000600,"exp":1700000600"#)),
  ]

  static let people: [JWTForgery] = [
    JWTForgery("no sub", claims: honest.replacing(#""sub":"ada","#, with: "")),
    JWTForgery("sub null", claims: honest.replacing(#""ada""#, with: "null")),
    JWTForgery("sub a number", claims: honest.replacing(#""ada""#, with: "1")),
    JWTForgery("sub empty", claims: honest.replacing(#""ada""#, with: #""""#)),
    JWTForgery("sub of 300 characters", claims: honest.replacing("ada", with: String(repeating: "a", count: 300))),
    JWTForgery("sub with a zero byte", claims: honest.replacing("ada", with: #"ada\u0000"#)),
    JWTForgery("sub with a line end", claims: honest.replacing("ada", with: #"ada\nroot"#)),
    JWTForgery("sub with a line separator", claims: honest.replacing("ada", with: #"ada\u2028root"#)),
    JWTForgery("sub with half a surrogate pair", claims: honest.replacing("ada", with: #"ada\ud800"#)),
    JWTForgery("sub with an accent of its own", claims: honest.replacing("ada", with: "ade\u{301}")),
    JWTForgery("another issuer", claims: honest.replacing("id.example.com", with: "id.example.org"), .wrongIssuer),
    JWTForgery("an issuer without its slash", claims: honest.replacing(#".com/""#, with: #".com""#), .wrongIssuer),
    JWTForgery("an issuer that goes on", claims: honest.replacing(#".com/""#, with: #".com/x""#), .wrongIssuer),
    JWTForgery("an issuer in capitals", claims: honest.replacing("https", with: "HTTPS"), .wrongIssuer),
    JWTForgery(
      "issuers in a list", claims: honest.replacing(#""iss":"\#(issuer)""#, with: #""iss":["\#(issuer)"]"#),
      .wrongIssuer),
    JWTForgery("no issuer", claims: honest.replacing(#""iss":"\#(issuer)","#, with: ""), .wrongIssuer),
    JWTForgery("another audience", claims: honest.replacing(#""apus""#, with: #""other""#), .wrongAudience),
    JWTForgery(
      "an audience that begins like ours", claims: honest.replacing(#""apus""#, with: #""apus2""#), .wrongAudience),
    JWTForgery(
      "audiences without ours", claims: honest.replacing(#""apus""#, with: #"["a","b","apu"]"#), .wrongAudience),
    JWTForgery(
      "audiences that are not all texts", claims: honest.replacing(#""apus""#, with: #"["apus",1]"#), .wrongAudience),
    JWTForgery("no audience at all", claims: honest.replacing(#""apus""#, with: "[]"), .wrongAudience),
    JWTForgery("a tenant that is a number", claims: honest.dropLast() + #","tenant":1}"#),
    JWTForgery("a tenant that is empty", claims: honest.dropLast() + #","tenant":""}"#),
    JWTForgery("a plan that is a list", claims: honest.dropLast() + #","plan":["free"]}"#),
    JWTForgery("a role that is a list", claims: honest.dropLast() + #","role":["admin"]}"#),
    JWTForgery("a role that is true", claims: honest.dropLast() + #","role":true}"#),
    JWTForgery("scopes that are an object", claims: honest.dropLast() + #","scope":{"a":1}}"#),
    JWTForgery("scopes that are not all texts", claims: honest.dropLast() + #","scope":["a",1]}"#),
    JWTForgery("claims that are a list", claims: "[\(honest)]"),
    JWTForgery("claims that are no JSON", claims: "sub=ada&exp=1700000600"),
    JWTForgery("claims that are cut", claims: String(honest.dropLast())),
  ]

  private static func with(_ expiry: String) -> String {
    honest.replacing(#""exp":1700000600"#, with: expiry)
  }
}
