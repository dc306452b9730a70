import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing
import Web

@Suite("Requests that come before their answers wait their turn", .serialized, .timeLimit(.minutes(1)))
struct PipelinesAPITests {
  /// What both ways answer: the router what it was sent, the provider likewise.
  private static func echo(_ change: (inout Stand.Settings) -> Void = { _ in }) -> Stand.Settings {
    Stand.Settings {
      $0.script = { .json($0.body) }
      change(&$0)
    }
  }

  private static func chat(_ content: String) -> String {
    #"{"messages":[{"role":"user","content":"\#(content)"}],"model":"vendor/model-7"}"#
  }

  private static func request(_ way: Way, _ content: String, version: String = "HTTP/1.1", headers: [String] = [])
    -> String
  {
    way.request(
      version: version, headers: headers, body: chat(content).replacing("vendor/model-7", with: "small"))
  }

  @Test(
    "Three in one write, the second with a large body, on any way, are answered in order",
    arguments: [
      [Way.model, .model, .model], [.router, .model, .router], [.model, .router, .model], [.router, .router, .router],
    ])
  func order(ways: [Way]) async throws {
    let contents = ["first", String(repeating: "0123456789", count: 60_000), "third"]
    try await Stand.run(Self.echo()) { stand in
      let client = try await stand.connect()
      try await client.send(zip(ways, contents).map { Self.request($0, $1) }.joined())
      for (way, content) in zip(ways, contents) {
        let answer = try await client.answer()
        #expect(answer.status == 200)
        let expected =
          way == .model ? Self.chat(content) : Self.chat(content).replacing("vendor/model-7", with: "small")
        #expect(answer.text == expected)
      }
      #expect(try await stand.requestLog(of: 3).map { $0["status"] as? Int } == [200, 200, 200])
    }
  }

  @Test("A request behind a stream waits for the stream's end")
  func behindStream() async throws {
    let gate = Gate()
    let settings = Stand.Settings {
      $0.script = { request in
        request.body.contains("stream")
          ? [.streamHead, .event("1"), .wait(gate), .event("[DONE]"), .lastChunk] : .json(Stand.chatAnswer)
      }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Self.request(.model, "stream") + Self.request(.model, "plain"))
      #expect(try await client.event() == "data: 1\n\n")
      #expect(stand.reached(.model) == 1)
      gate.open()
      #expect(try await client.event() == "data: [DONE]\n\n")
      #expect(String(buffer: try await client.body()) == "")
      #expect(try await client.answer().text == Stand.chatAnswer)
    }
  }

  @Test("Nothing behind a last request is answered, or reaches anybody", arguments: Way.allCases, ["close", "1.0"])
  func behindLast(way: Way, how: String) async throws {
    try await Stand.run(Self.echo()) { stand in
      let client = try await stand.connect()
      let last =
        how == "close"
        ? Self.request(way, "last", headers: ["connection: close"]) : Self.request(way, "last", version: "HTTP/1.0")
      try await client.send(last + Self.request(way, "more"))
      let answer = try await client.answer()
      #expect(answer.status == 200)
      #expect(answer.headers["connection"] == ["close"])
      #expect(try await client.end() == "")
      #expect(stand.reached(way) == 1)
      #expect(try await stand.requestLog(of: 1).count == 1)
    }
  }

  @Test("HEAD among others has no body, and shifts no answer")
  func head() async throws {
    try await Stand.run(Self.echo()) { stand in
      let client = try await stand.connect()
      let models = { Way.router.request($0, path: "/v1/models", body: nil) }
      try await client.send(models("GET") + models("HEAD") + models("GET") + Self.request(.model, "a") + models("HEAD"))
      let get = try await client.answer()
      let head = try await client.answer(hasBody: false)
      #expect(head.headers["content-length"] == ["\(get.body.readableBytes)"])
      #expect(try await client.answer().body == get.body)
      #expect(try await client.answer().text == Self.chat("a"))
      #expect(try await client.answer(hasBody: false).status == 200)
    }
  }

  @Test("HTTP/1.0 that wants to stay does, but not behind an answer whose end only the connection's tells")
  func http10() async throws {
    let settings = Stand.Settings {
      $0.script = { $0.body.contains("stream") ? .stream(["1"]) : .json(Stand.chatAnswer) }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      let stay = ["connection: keep-alive"]
      for _ in 0..<2 {
        try await client.send(Self.request(.model, "a", version: "HTTP/1.0", headers: stay))
        let answer = try await client.answer()
        #expect(answer.version == "HTTP/1.0")
        #expect(answer.headers["connection"] == ["keep-alive"])
        #expect(answer.headers["content-length"] == ["\(Stand.chatAnswer.utf8.count)"])
      }
      try await client.send(Self.request(.model, "stream", version: "HTTP/1.0", headers: stay))
      let answer = try await client.answer()
      #expect(answer.headers["connection"] == ["close"])
      #expect(!answer.headers.contains(name: "transfer-encoding"))
      #expect(answer.text == "data: 1\n\ndata: [DONE]\n\n")
      #expect(try await client.end() == "")
    }
  }

  @Test("HTTP/1.0 knows no 100 Continue: the expectation is passed over", arguments: Way.allCases)
  func http10Continue(way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(way.request(version: "HTTP/1.0", headers: ["expect: 100-continue"]))
      let answer = try await client.answer()
      #expect(answer.status == 200)
      #expect(answer.version == "HTTP/1.0")
    }
  }

  @Test("While a request waits for its answer, what is behind it waits with the client and not in memory")
  func backPressure() async throws {
    let gate = Gate()
    let settings = Self.echo { settings in
      settings.script = { $0.body.contains("hold") ? [.wait(gate)] + .json($0.body) : .json($0.body) }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      let flood = String(repeating: Self.request(.model, "more"), count: 80_000)
      // Many are answered first, each with a chance to read on; then one is held.
      let answered = String(repeating: Self.request(.model, "a"), count: 500)
      let isSent = Watched(false)
      async let sending: Void = {
        try await client.send(answered + Self.request(.model, "hold") + flood)
        isSent.change { $0 = true }
      }()
      for _ in 0..<500 { #expect(try await client.answer().text == Self.chat("a")) }
      try await stand.upstream.seen.wait(for: "the held request") { $0.requests.count == 501 ? () : nil }
      // The loop of the other connection has turned many times when its requests are answered.
      let other = try await stand.connect()
      for _ in 0..<200 {
        try await other.send(Self.request(.router, "b"))
        #expect(try await other.answer().status == 200)
      }
      #expect(!isSent.value, "the system takes some of the flood, the server must not take the rest")
      try await client.reset()
      gate.open()
      try? await sending  // what was not sent cannot be
    }
  }
}
