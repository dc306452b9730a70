import NIOHTTP1
import Testing
import Wire

@testable import Web

@Suite("Pages of allowed origins may read answers, and no others")
struct CorsRulesTests {
  @Test(
    "An origin is allowed as a whole and as it is written",
    arguments: [
      (["https://app.example"], "https://app.example", "https://app.example"), (["*"], "https://any.example", "*"),
      (["https://app.example", "*"], "https://app.example", "*"), ([], "https://app.example", nil),
      (["https://app.example"], "https://app.example.evil.example", nil),
      (["https://app.example"], "https://APP.example", nil),
      (["https://app.example"], "http://app.example", nil), (["https://app.example"], "https://app.example:8443", nil),
      (["https://app.example"], "null", nil), (["https://app.example"], "", nil), (["https://app.example"], nil, nil),
      (["*"], nil, nil),
    ] as [([String], String?, String?)])
  func origins(allowed: [String], origin: String?, expected: String?) {
    let headers = HeaderLines(origin.map { [("Origin", $0)] } ?? [])
    #expect(Cors(origins: allowed).allowedOrigin(for: headers) == expected)
  }

  @Test(
    "A preflight is OPTIONS with an origin and a method to ask for",
    arguments: [
      (.OPTIONS, ["origin", "access-control-request-method"], true), (.OPTIONS, ["origin"], false),
      (.OPTIONS, ["access-control-request-method"], false), (.GET, ["origin", "access-control-request-method"], false),
    ] as [(HTTPMethod, [String], Bool)])
  func preflights(method: HTTPMethod, names: [String], expected: Bool) {
    #expect(Cors.isPreflight(RequestHead(method, "/", HeaderLines(names.map { ($0, "x") }))) == expected)
  }

  @Test(
    "A preflight is told the headers it asked for while they are short and printable",
    arguments: [
      ("authorization, content-type", true), ("", false), ("é", false),
      (String(repeating: "a", count: 1024), true), (String(repeating: "a", count: 1025), false),
    ])
  func preflightHeaders(asked: String, isTold: Bool) {
    let lines = Cors.preflight(for: RequestHead(.OPTIONS, "/", ["access-control-request-headers": asked]))
    #expect(lines.all("access-control-allow-headers") == (isTold ? [asked] : []))
    #expect(lines.all("access-control-allow-credentials") == [])
    #expect(lines.first("access-control-allow-methods")?.contains("POST") == true)
  }

  @Test(
    "A cache is told that the answer depends on the origin, unless it does not",
    arguments: [
      (["https://app.example"], "https://app.example", ["origin"]), (["https://app.example"], nil, ["origin"]),
      (["*"], "*", []), ([], nil, []),
    ] as [([String], String?, [String])])
  func vary(allowed: [String], origin: String?, vary: [String]) {
    var lines = HeaderLines()
    Cors(origins: allowed).add(origin, to: &lines)
    #expect(lines.all("access-control-allow-origin") == (origin.map { [$0] } ?? []))
    #expect(lines.all("vary") == vary)
  }
}
