import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing
import Web

/// What a provider does wrong, and what becomes of it.
struct Fault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let steps: [ScriptedUpstream.Step]
  let status: Int
  let code: String
  /// The kind in `apus_upstream_errors_total`.
  let kind: String

  init(_ name: String, _ steps: [ScriptedUpstream.Step], _ status: Int, _ code: String, kind: String) {
    testDescription = name
    self.steps = steps
    self.status = status
    self.code = code
    self.kind = kind
  }

  private static let cutHead = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"

  static let all: [Fault] = [
    Fault("hangs up", [.close], 502, "upstream_cut", kind: "closed_before_head"),
    Fault("resets", [.reset], 502, "upstream_cut", kind: "closed_before_head"),
    Fault(
      "stops in its head", [.send("HTTP/1.1 200 OK\r\ncont"), .close], 502, "upstream_cut", kind: "closed_before_head"),
    Fault("stops in its body", [.send(cutHead), .close], 502, "upstream_cut", kind: "cut"),
    Fault("resets in its body", [.send(cutHead), .reset], 502, "upstream_cut", kind: "cut"),
    Fault("never answers", [], 504, "upstream_timeout", kind: "response_timeout"),
    Fault("falls silent in its body", [.send(cutHead)], 504, "upstream_timeout", kind: "idle_timeout"),
    Fault("does not speak HTTP", [.send("SSH-2.0-x\r\n")], 502, "upstream_invalid_response", kind: "invalid_http"),
    Fault(
      "sends a page", .whole("<html>", type: "text/html"), 502, "upstream_invalid_response",
      kind: "upstream_invalid_response"),
    Fault(
      "sends broken JSON", .json(#"{"a":1"#), 502, "upstream_invalid_response", kind: "upstream_invalid_response"),
    Fault(
      "rejects our key", .json(#"{"error":"key sk-123"}"#, status: "401 Unauthorized"), 502, "upstream_rejected_key",
      kind: "upstream_rejected_key"),
    Fault(
      "sends us elsewhere", .json("{}", status: "302 Found", headers: ["location: http://evil.example"]), 502,
      "upstream_invalid_response", kind: "upstream_invalid_response"),
  ]
}

@Suite("A provider's fault becomes the right error", .serialized, .timeLimit(.minutes(1)))
struct ModelFaultsAPITests {
  @Test("Before an answer has begun", arguments: Fault.all)
  func plain(fault: Fault) async throws {
    let settings = Stand.Settings {
      $0.script = { $0.body.contains("well") ? .json(Stand.chatAnswer) : fault.steps }
      if fault.status == 504 { ($0.responseTimeout, $0.idleTimeout) = (.seconds(1), .seconds(1)) }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      let answer = try await client.answer()
      #expect(answer.status == fault.status)
      #expect(try answer.errorCode == fault.code)
      #expect(!answer.text.contains("sk-123"))
      #expect(stand.figure("apus_upstream_errors_total") == 1)
      #expect(stand.figure("apus_upstream_errors_total", #"kind="\#(fault.kind)""#) == 1)
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["error"] as? String == fault.code)
      #expect(line["cause"] as? String != nil)
      // The client's connection has nothing to do with it.
      try await client.send(Way.model.request(body: Way.chat.replacing("hi", with: "well")))
      #expect(try await client.answer().status == 200)
      // What failed was not sent again: it may have been acted on.
      #expect(stand.reached(.model) == 2)
    }
  }

  @Test(
    "A provider's own error passes as it is",
    arguments: [
      (400, []), (404, []), (422, []), (429, ["retry-after: 7"]), (500, []), (503, ["retry-after: 2"]),
    ])
  func passed(status: Int, headers: [String]) async throws {
    let text = #"{ "error":{"message":"its own words","code":null}}"#
    let settings = Stand.Settings { $0.script = { _ in .json(text, status: "\(status) X", headers: headers) } }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      let answer = try await client.answer()
      #expect(answer.status == status)
      #expect(answer.text == text)
      #expect(answer.headers["retry-after"] == headers.map { String($0.split(separator: " ")[1]) })
      #expect(stand.figure("apus_upstream_errors_total", #"kind="status_\#(status)""#) == 1)
    }
  }

  @Test("A provider that is not there cannot be reached, and that is said at once")
  func unreachable() async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request(body: Way.chat.replacing("small", with: "nowhere")))
      let answer = try await client.answer()
      #expect(answer.status == 502)
      #expect(try answer.errorCode == "upstream_unreachable")
      #expect(!answer.text.contains("127.0.0.1"))
      #expect(stand.figure("apus_upstream_errors_total", #"provider="gone",kind="unreachable""#) == 1)
    }
  }

  @Test(
    "A stream that is cut never ends like a clean one",
    arguments: [
      ("between events", [.close], "upstream_cut"), ("inside an event", [.chunk("data: 2"), .close], "upstream_cut"),
      ("with a reset", [.reset], "upstream_cut"), ("by an end without [DONE]", [.lastChunk], "upstream_cut"),
      ("by silence", [], "upstream_timeout"), ("by what is no chunk", [.send("xyz\r\n")], "upstream_invalid_response"),
      (
        "by an event without end", [.chunk("data: " + String(repeating: "x", count: 2 << 20))],
        "upstream_invalid_response"
      ),
    ] as [(String, [ScriptedUpstream.Step], String)])
  func cutStream(how: String, steps: [ScriptedUpstream.Step], code: String) async throws {
    let gate = Gate()
    let settings = Stand.Settings {
      $0.script = { _ in [.streamHead, .event("1"), .wait(gate)] + steps }
      if code == "upstream_timeout" { $0.idleTimeout = .seconds(1) }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.head().status == 200)
      #expect(try await client.event() == "data: 1\n\n")
      gate.open()
      let rest = String(buffer: try await client.body())
      #expect(rest.hasPrefix("event: error\ndata: {\"error\":{"))
      #expect(rest.hasSuffix("\"code\":\"\(code)\"}}\n\n"))
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["error"] as? String == code)
      #expect(stand.figure("apus_upstream_errors_total") == 1)
      #expect(stand.figure("apus_open_streams") == 0)
      #expect(stand.figure("apus_requests_total") == 1)
    }
  }
}
