import Kernel
import NIOHTTP1
import Testing
import Wire

@testable import Web

@Suite("A request is recorded as it came")
struct RequestRecordRulesTests {
  private static func record(_ uri: String = "/", _ headers: [(String, String)] = []) -> RequestRecord {
    RequestRecord(head: RequestHead(.GET, uri, HeaderLines(headers)), client: "1.2.3.4")
  }

  @Test(
    "A sane id of the client's is kept",
    arguments: ["a", "0b5c9a4e-9d2f", "with space", "!~", String(repeating: "a", count: 128)])
  func kept(id: String) {
    #expect(Self.record("/", [("X-Request-Id", id)]).id == id)
  }

  @Test(
    "Any other is replaced",
    arguments: [nil, "", "a\tb", "é", String(repeating: "a", count: 129)])
  func replaced(id: String?) {
    let record = Self.record("/", id.map { [("x-request-id", $0)] } ?? [])
    #expect(record.id.wholeMatch(of: /[0-9a-f]{32}/) != nil)
  }

  @Test(
    "The path is what stands before the query; a host in the target changes nothing",
    arguments: [
      ("/", "/"), ("/v1/models", "/v1/models"), ("/v1/models?a=/b", "/v1/models"), ("/?", "/"), ("/a%2fb?x", "/a%2fb"),
      ("http://evil.example/v1/models?a=1", "/v1/models"), ("https://evil.example:1/", "/"),
      ("http://evil.example", "/"),
      ("HTTP://user@evil.example/a/../b", "/a/../b"), ("//evil.example/v1/models", "//evil.example/v1/models"),
      ("*", "*"),
      ("/http://x/y", "/http://x/y"), ("evil.example:443", "evil.example:443"), ("", ""), ("/a#b", "/a#b"),
    ])
  func paths(target: String, path: String) {
    #expect(Self.record(target).path == path)
  }

  @Test("A request without a route is counted under one name, whatever it asked for")
  func labels() {
    let record = Self.record("/wp-admin.php")
    #expect(record.routeLabel == "other")
    record.route = Route(.GET, "/v1/models/{id}", role: .user)
    #expect(record.routeLabel == "/v1/models/{id}")
  }

  @Test("A trace is continued from the headers")
  func trace() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    let record = Self.record("/", [("traceparent", "00-\(trace)-00f067aa0ba902b7-01"), ("tracestate", "a=1")])
    #expect(record.trace.traceID == trace)
    #expect(record.trace.state == "a=1")
  }
}
