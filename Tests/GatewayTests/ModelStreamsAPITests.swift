import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing
import Web

@Suite("A stream passes event by event", .serialized, .timeLimit(.minutes(1)))
struct ModelStreamsAPITests {
  private static let usage = #"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#

  @Test("Each event is with the client before the provider sends the next")
  func live() async throws {
    let gates = [Gate(), Gate(), Gate()]
    let settings = Stand.Settings {
      $0.script = { _ in
        [
          .streamHead, .event("1"), .wait(gates[0]), .event("2"), .wait(gates[1]), .event(Self.usage), .wait(gates[2]),
          .event("[DONE]"), .lastChunk,
        ]
      }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      let head = try await client.head()
      #expect(head.status == 200)
      #expect(head.headers["content-type"] == ["text/event-stream"])
      #expect(head.headers["x-apus-model"] == ["vendor/model-7"])
      #expect(!head.headers.contains(name: "content-length"))
      #expect(stand.figure("apus_open_streams") == 1)
      for (event, gate) in zip(["1", "2", Self.usage], gates) {
        #expect(try await client.event() == "data: \(event)\n\n")
        gate.open()
      }
      #expect(String(buffer: try await client.body()) == "data: [DONE]\n\n")
      #expect(stand.figure("apus_open_streams") == 0)
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["stream"] as? Bool == true)
      #expect(line["input_tokens"] as? Int == 3)
      #expect(line["error"] == nil)
      #expect(stand.figure("apus_time_to_first_token_seconds_count") == 1)
      // Both connections serve again.
      try await client.send(Way.model.request())
      #expect(try await client.event() == "data: 1\n\n")
      #expect(stand.upstream.seen.value.connections == 1)
    }
  }

  @Test(
    "Events that come in pieces leave whole, and the end may come in any piece",
    arguments: [
      ["data: 1\n", "\ndata: 2\n\ndata: [DO", "NE]\n", "\n"], ["data: 1\r\n\r\n: x\r\n\r", "\ndata: [DONE]\r\n\r\n"],
      ["event: a\ndata: 1\nid: 7\n\ndata: [DONE]\n\n"], ["data:1\n\ndata:[DONE]\n\n"],
      "data: 1\n\ndata: [DONE]\n\n".map(String.init),
    ])
  func pieces(pieces: [String]) async throws {
    let settings = Stand.Settings { $0.script = { _ in [.streamHead] + pieces.map { .chunk($0) } + [.lastChunk] } }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.answer().text == pieces.joined())
      #expect(stand.figure("apus_upstream_errors_total") == 0)
    }
  }

  @Test("A silent stream is kept alive by comments, which never land inside an event")
  func keepAlive() async throws {
    let gates = [Gate(), Gate()]
    let settings = Stand.Settings {
      $0.keepAlive = .milliseconds(20)
      $0.script = { _ in
        [.streamHead, .event("1"), .wait(gates[0]), .chunk("data: "), .wait(gates[1]), .chunk("2\n\n")]
          + [.event("[DONE]"), .lastChunk]
      }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      var first = try await client.event()
      while first == ": keep-alive\n\n" { first = try await client.event() }
      #expect(first == "data: 1\n\n")
      for gate in gates {
        for _ in 0..<2 { #expect(try await client.event() == ": keep-alive\n\n") }
        gate.open()
      }
      let events = String(buffer: try await client.body()).replacing(": keep-alive\n\n", with: "")
      #expect(events == "data: 2\n\ndata: [DONE]\n\n")
    }
  }

  @Test("A client that goes away takes its request to the provider with it", arguments: ["close", "reset", "half"])
  func hangUp(how: String) async throws {
    let settings = Stand.Settings { $0.script = { _ in [.streamHead, .event("1")] } }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.event() == "data: 1\n\n")
      switch how {
      case "close": try await client.hangUp()
      case "reset": try await client.reset()
      default: try await client.finishSending()
      }
      try await stand.upstream.seen.wait(for: "the provider's connection to close") { $0.closed == [0] ? () : nil }
      let lines = try await stand.requestLog(of: 1)
      #expect(lines.map { $0["status"] as? Int } == [499])
      #expect(stand.figure("apus_requests_total", #"model="small",status="499""#) == 1)
      #expect(stand.figure("apus_requests_total") == 1)
      #expect(stand.figure("apus_open_streams") == 0)
      #expect(stand.figure("apus_upstream_errors_total") == 0)
    }
  }

  @Test("A client that goes away before the answer begins does so, too", arguments: ["close", "reset", "half"])
  func hangUpEarly(how: String) async throws {
    try await Stand.run(Stand.Settings { $0.script = { _ in [] } }) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      try await stand.upstream.seen.wait(for: "the request") { $0.requests.isEmpty ? nil : () }
      switch how {
      case "close": try await client.hangUp()
      case "reset": try await client.reset()
      default: try await client.finishSending()
      }
      try await stand.upstream.seen.wait(for: "the provider's connection to close") { $0.closed == [0] ? () : nil }
      #expect(try await stand.requestLog(of: 1).map { $0["status"] as? Int } == [499])
    }
  }

  @Test("A router's request is answered though its client will send no more")
  func halfRouter() async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.router.request())
      try await client.finishSending()
      let answers = try await stand.requestLog(of: 1).map { $0["status"] as? Int }
      #expect(answers == [200])
      #expect(try await client.answer().text == Way.chat)
    }
  }

  // MARK: A client that does not read

  /// 16 MiB: more than all buffers on the way take (6 MiB for reading, 4 MiB for writing, by Linux's defaults).
  private static let pieces = (count: 256, bytes: 64 << 10)
  private static let most = 14 << 20

  @Test("A client that does not read holds the provider back, and gets everything once it reads")
  func backPressure() async throws {
    let piece = ScriptedUpstream.Step.send(ByteBuffer(repeating: 0x20, count: Self.pieces.bytes))
    let whole = Self.pieces.count * Self.pieces.bytes
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(whole)\r\n\r\n"
    let script = [.send(head)] + Array(repeating: piece, count: Self.pieces.count)
    try await Stand.run(Stand.Settings { $0.script = { _ in script } }) { stand in
      let slow = try await stand.connect(isReading: false)
      try await slow.send(Way.model.request())
      try await stand.upstream.seen.wait(for: "a beginning") { $0.sentBytes > 1 << 20 ? () : nil }
      // Another answer passes whole: time enough for this one, were it not held back.
      let quick = try await stand.connect()
      try await quick.send(Way.model.request())
      #expect(try await quick.answer().body.readableBytes == whole)
      #expect(stand.upstream.seen.value.sentBytes - whole < Self.most, "the provider was not held back")
      try await slow.startReading()
      #expect(try await slow.answer().body.readableBytes == whole)
      #expect(stand.figure("apus_upstream_errors_total") == 0)
    }
  }

  @Test("A client that does not read for too long is given up, and the provider with it")
  func tooSlow() async throws {
    let event = ScriptedUpstream.Step.event(String(repeating: "x", count: Self.pieces.bytes))
    let flood = [.streamHead] + Array(repeating: event, count: Self.pieces.count)
    let settings = Stand.Settings {
      $0.script = { _ in flood }
      $0.server.writeTimeout = .milliseconds(200)
    }
    try await Stand.run(settings) { stand in
      let slow = try await stand.connect(isReading: false)
      try await slow.send(Way.model.request())
      try await stand.upstream.seen.wait(for: "the provider's connection to close") { $0.closed == [0] ? () : nil }
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["error"] as? String == "client_too_slow")
      #expect(stand.upstream.seen.value.sentBytes < Self.most)
      #expect(stand.figure("apus_open_streams") == 0)
      #expect(stand.figure("apus_requests_total") == 1)
    }
  }

  // MARK: A stop

  @Test("A stop lets a stream end whole")
  func gracefulStop() async throws {
    let gate = Gate()
    let settings = Stand.Settings {
      $0.script = { _ in [.streamHead, .event("1"), .wait(gate), .event("2"), .event("[DONE]"), .lastChunk] }
    }
    try await Stand.run(settings) { stand in
      let (client, idle) = (try await stand.connect(), try await stand.connect())
      try await client.send(Way.model.request())
      #expect(try await client.event() == "data: 1\n\n")
      try await idle.send(Way.router.request())
      #expect(try await idle.answer().status == 200)
      await stand.stop()
      // An idle connection is closed at once: the stop has begun.
      #expect(try await idle.end() == "")
      await #expect(throws: (any Error).self) { try await stand.connect() }
      gate.open()
      #expect(String(buffer: try await client.body()) == "data: 2\n\ndata: [DONE]\n\n")
      #expect(try await client.end() == "")
      #expect(try await stand.requestLog(of: 2).map { $0["error"] as? String } == [nil, nil])
    }
  }

  @Test("A stop waits no longer than it may, and what it cuts does not end like a clean stream")
  func stopDeadline() async throws {
    let settings = Stand.Settings {
      $0.script = { _ in [.streamHead, .event("1")] }
      $0.server.shutdownTimeout = .milliseconds(100)
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.event() == "data: 1\n\n")
      await stand.stop()
      await #expect(throws: ConnectionEnded.self) { try await client.body() }
      try await stand.upstream.seen.wait(for: "the provider's connection to close") { $0.closed == [0] ? () : nil }
      #expect(try await stand.requestLog(of: 1).count == 1)
      #expect(stand.figure("apus_open_streams") == 0)
    }
  }
}
