import NIOCore
import NIOHTTP1
import Testing
import Wire

/// The pool against a real server on loopback: which connection a request takes, and what becomes of connections.
@Suite("A pool keeps its connections busy and few", .timeLimit(.minutes(1)))
struct UpstreamPoolAPITests {
  @Test("A request arrives whole, with its host and its length; so does the answer")
  func roundTrip() async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start("/v1/a?b=c", body: ByteBuffer(string: "{\"a\":1}"))
      let request = try await scene.server.request()
      #expect(request.path == "/v1/a?b=c")
      #expect(request.body == "{\"a\":1}")
      #expect(request.headers["host"] == ["127.0.0.1:\(scene.server.port)"])
      #expect(request.headers["content-length"] == ["7"])
      #expect(request.headers["x-test"] == ["1"])
      #expect(request.headers.count == 3)
      try await scene.server.send("HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nlate")
      #expect(try await call.outcome() == Outcome(status: 429, body: "late"))
      #expect(call.entries.contains(.head(status: 429, retryAfter: "7")))
    }
  }

  @Test("A body in chunks arrives in pieces as they come, and informational heads are passed over")
  func chunks() async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
      try await scene.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      try await call.wait { $0.contains(.paused) }
      try await scene.server.send("3\r\none\r\n")
      try await call.wait { $0.contains(.body(ByteBuffer(string: "one"))) }
      try await scene.server.send("3\r\ntwo\r\n")
      try await call.wait { $0.contains(.body(ByteBuffer(string: "two"))) }
      try await scene.server.send("0\r\n\r\n")
      #expect(try await call.outcome() == Outcome(status: 200, body: "onetwo"))
    }
  }

  @Test("A connection that was kept alive serves the next request")
  func reuse() async throws {
    try await PoolScene.run { scene in
      for count in 0..<20 { try await scene.exchange("/\(count)", on: 0, count) }
      #expect(scene.server.acceptedCount == 1)
      #expect(try await scene.connectionCount == 1)
    }
  }

  @Test(
    "A connection that is not to be kept is closed with the answer's end",
    arguments: [
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ])
  func refusedKeepAlive(answer: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send(answer)
      #expect(try await call.outcome() == Outcome(status: 200, body: "ok"))
      try await scene.server.wait(for: .closed(0))
      #expect(try await scene.connectionCount == 0)
      try await scene.exchange("/next", on: 1)
    }
  }

  @Test("A body may end with the connection", arguments: ["Connection: close\r\n", "X: y\r\n"])
  func bodyUntilClose(header: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send("HTTP/1.1 200 OK\r\n\(header)\r\nall of it")
      try await scene.server.close()
      #expect(try await call.outcome() == Outcome(status: 200, body: "all of it"))
      try await scene.exchange("/next", on: 1)
      #expect(try await scene.connectionCount == 1)
    }
  }

  @Test("The connection that was used last is used next")
  func mostRecentFirst() async throws {
    try await PoolScene.run { scene in
      let first = try await scene.start("/0")
      try await scene.server.request(on: 0)
      let second = try await scene.start("/1")
      try await scene.server.request(on: 1)
      for (connection, call) in [(1, second), (0, first)] {
        try await scene.server.send(PoolScene.answer("ok"), on: connection)
        #expect(try await call.outcome().fault == nil)
      }
      try await scene.exchange("/2", on: 0, 1)
      try await scene.exchange("/3", on: 0, 2)
      #expect(scene.server.acceptedCount == 2)
    }
  }

  @Test("With every connection taken a request waits, and is served in its turn")
  func waiting() async throws {
    try await PoolScene.run(limits: { $0.connections = 2 }) { scene in
      let calls = try await scene.startAll((0..<20).map { "/\($0)" })
      var served: [String] = []
      for position in 0..<20 {
        let request = try await scene.server.request(position / 2, on: position % 2)
        served.append(request.path)
        try await scene.server.send(PoolScene.answer(request.path), on: position % 2)
      }
      for (position, call) in calls.enumerated() {
        #expect(try await call.outcome() == Outcome(status: 200, body: "/\(position)"))
      }
      #expect(Set(served).count == 20)
      #expect(scene.server.acceptedCount == 2)
      #expect(try await scene.connectionCount == 2)
    }
  }

  @Test("One connection serves those who wait in the order in which they came")
  func order() async throws {
    try await PoolScene.run(limits: { $0.connections = 1 }) { scene in
      let calls = try await scene.startAll((0..<10).map { "/\($0)" })
      for (position, call) in calls.enumerated() {
        #expect(try await scene.server.request(position).path == "/\(position)")
        try await scene.server.send(PoolScene.answer("ok"))
        #expect(try await call.outcome().fault == nil)
      }
    }
  }

  @Test("With every place to wait taken a request is refused, after its caller got the handle")
  func exhausted() async throws {
    try await PoolScene.run(limits: { ($0.connections, $0.waiting) = (1, 1) }) { scene in
      let calls = try await scene.startAll(["/0", "/1", "/2"])
      #expect(try await calls[2].outcome() == Outcome(fault: .exhausted))
      for position in 0..<2 {
        try await scene.server.request(position)
        try await scene.server.send(PoolScene.answer("ok"))
        #expect(try await calls[position].outcome() == Outcome(status: 200, body: "ok"))
      }
      #expect(scene.server.acceptedCount == 1)
    }
  }

  @Test("A request waits for a connection only so long; the one that is served is not disturbed")
  func waitLimit() async throws {
    try await PoolScene.run(limits: { ($0.connections, $0.wait) = (1, .milliseconds(20)) }) { scene in
      let calls = try await scene.startAll(["/0", "/1"])
      #expect(try await calls[1].outcome() == Outcome(fault: .exhausted))
      try await scene.server.request()
      try await scene.server.send(PoolScene.answer("ok"))
      #expect(try await calls[0].outcome() == Outcome(status: 200, body: "ok"))
      try await scene.exchange("/2", on: 0, 1)
    }
  }

  @Test("Whoever has gone takes up no place to wait, and is never served")
  func goneWhileWaiting() async throws {
    try await PoolScene.run(limits: { ($0.connections, $0.waiting) = (1, 2) }) { scene in
      let calls = try await scene.startAll(["/0", "/1", "/2"])
      try await calls[1].cancel()
      try await calls[2].cancel()
      let last = try await scene.start("/3")
      try await scene.server.request()
      try await scene.server.send(PoolScene.answer("ok"))
      #expect(try await scene.server.request(1).path == "/3")
      try await scene.server.send(PoolScene.answer("ok"))
      #expect(try await last.outcome() == Outcome(status: 200, body: "ok"))
      #expect(calls[1].entries.isEmpty && calls[2].entries.isEmpty)
    }
  }

  @Test("The place of a connection that was lost goes to one who waits")
  func lostPlace() async throws {
    try await PoolScene.run(limits: { $0.connections = 1 }) { scene in
      let calls = try await scene.startAll(["/0", "/1"])
      try await scene.server.request()
      try await scene.server.close()
      #expect(try await calls[0].outcome() == Outcome(fault: .closedBeforeHead))
      #expect(try await scene.server.request(on: 1).path == "/1")
      try await scene.server.send(PoolScene.answer("ok"), on: 1)
      #expect(try await calls[1].outcome() == Outcome(status: 200, body: "ok"))
    }
  }

  @Test("An unused connection is closed after its time")
  func keepAlive() async throws {
    try await PoolScene.run(limits: { $0.keepAlive = .milliseconds(20) }) { scene in
      try await scene.exchange("/0", on: 0)
      try await scene.server.wait(for: .closed(0))
      #expect(try await scene.connectionCount == 0)
      try await scene.exchange("/1", on: 1)
    }
  }

  @Test("A server may close an idle connection; the next request opens another")
  func closedWhenIdle() async throws {
    try await PoolScene.run { scene in
      try await scene.exchange("/0", on: 0)
      try await scene.server.close(0)
      try await scene.waitUntilEmpty()
      try await scene.exchange("/1", on: 1)
      #expect(try await scene.connectionCount == 1)
    }
  }

  @Test(
    "What a server says unasked costs it the connection",
    arguments: ["HTTP/1.1 408 Too slow\r\n\r\n", "x", "\u{0}\u{1}"])
  func unasked(text: String) async throws {
    try await PoolScene.run { scene in
      try await scene.exchange("/0", on: 0)
      try await scene.server.send(text)
      try await scene.server.wait(for: .closed(0))
      try await scene.exchange("/1", on: 1)
    }
  }

  @Test("A second answer behind the first reaches nobody")
  func twoAnswers() async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start("/0")
      try await scene.server.request()
      try await scene.server.send(PoolScene.answer("mine") + PoolScene.answer("not mine"))
      #expect(try await call.outcome() == Outcome(status: 200, body: "mine"))
      try await scene.server.wait(for: .closed(0))
      try await scene.exchange("/1", on: 1)
    }
  }

  /// Where `localhost` is ::1 too, that address is tried first, and refuses.
  @Test("An upstream is found by its name")
  func name() async throws {
    let server = try await ScriptedServer.start()
    let origin = UpstreamOrigin(.tcp(host: "localhost", port: server.port))
    try await PoolScene.run(server: server, origin: origin) { scene in
      let call = try await scene.start()
      #expect(try await scene.server.request().headers["host"] == ["localhost:\(server.port)"])
      try await scene.server.send(PoolScene.answer("ok"))
      #expect(try await call.outcome() == Outcome(status: 200, body: "ok"))
    }
  }
}
