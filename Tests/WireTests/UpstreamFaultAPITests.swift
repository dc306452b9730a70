import NIOCore
import NIOSSL
import Testing
import Wire

/// The pool against a real server on loopback that misbehaves, or with a client that loses interest.
@Suite("Whatever an upstream does, the receiver hears how it ended, once", .timeLimit(.minutes(1)))
struct UpstreamFaultAPITests {
  @Test("Nobody listens")
  func refused() async throws {
    let server = try await ScriptedServer.start()
    await server.stop()
    try await PoolScene.run(server: server) { scene in
      for call in try await scene.startAll(["/0", "/1"]) {
        let outcome = try await call.outcome()
        guard case .unreachable(let text) = outcome.fault else { throw Unexpected(outcome) }
        #expect(text.contains("refused"))
      }
      #expect(try await scene.connectionCount == 0)
    }
  }

  @Test("A socket in the file system that is not there")
  func missingSocket() async throws {
    let origin = UpstreamOrigin(.unix(path: "/nonexistent/apus.sock"))
    try await PoolScene.run(origin: origin) { scene in
      let outcome = try await scene.start().outcome()
      guard case .unreachable = outcome.fault else { throw Unexpected(outcome) }
      #expect(try await scene.connectionCount == 0)
    }
  }

  @Test("Those who wait hear of an upstream that is not there, too")
  func refusedWhileWaiting() async throws {
    let server = try await ScriptedServer.start()
    await server.stop()
    try await PoolScene.run(server: server, limits: { $0.connections = 1 }) { scene in
      for call in try await scene.startAll((0..<50).map { "/\($0)" }) {
        let outcome = try await call.outcome()
        guard case .unreachable = outcome.fault else { throw Unexpected(outcome) }
      }
    }
  }

  @Test("A handshake that is never answered ends with the time to connect")
  func connectTimeout() async throws {
    try await PoolScene.secure(reading: .nothing, limits: { $0.connect = .milliseconds(50) }) { scene in
      let outcome = try await scene.start().outcome()
      #expect(outcome == Outcome(fault: .connectTimeout))
    }
  }

  @Test("A server that does not speak TLS is insecure, and is sent no request")
  func insecure() async throws {
    try await PoolScene.secure { scene in
      let call = try await scene.start()
      // The handshake is no HTTP, so that the server closes the connection.
      let outcome = try await call.outcome()
      guard case .insecure = outcome.fault else { throw Unexpected(outcome) }
      #expect(!scene.server.entries.contains { if case .head = $0 { true } else { false } })
    }
  }

  @Test("No answer in time")
  func responseTimeout() async throws {
    try await PoolScene.run(limits: { $0.response = .milliseconds(50) }) { scene in
      let call = try await scene.start()
      #expect(try await call.outcome() == Outcome(fault: .responseTimeout))
      try await scene.server.wait(for: .closed(0))
      #expect(try await scene.connectionCount == 0)
    }
  }

  @Test("What comes before the head does not move the time at which it must be there")
  func trickle() async throws {
    try await PoolScene.run(limits: { $0.response = .milliseconds(300) }) { scene in
      let call = try await scene.start()
      try await scene.server.request()
      while call.entries.last?.isLast != true {
        try Task.checkCancellation()
        // Sending fails once the connection is closed; the outcome says why it was.
        try? await scene.server.send("HTTP/1.1 102 Processing\r\n\r\n")
      }
      #expect(try await call.outcome() == Outcome(fault: .responseTimeout))
    }
  }

  @Test("An answer that stops in the middle")
  func idleTimeout() async throws {
    try await PoolScene.run(limits: { $0.idle = .milliseconds(50) }) { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
      #expect(try await call.outcome() == Outcome(status: 200, body: "half", fault: .idleTimeout))
      try await scene.server.wait(for: .closed(0))
    }
  }

  @Test("Time stands still while the receiver does not want more, and runs again when it does")
  func idleTimeoutAndPause() async throws {
    try await PoolScene.run(limits: { $0.idle = .milliseconds(50) }) { scene in
      let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
      let slow = try await scene.start("/slow", readsOn: false)
      try await scene.server.request(on: 0)
      try await scene.server.send(half, on: 0)
      try await slow.wait { $0.contains(.paused) }
      // Begun later, with the same limit: when this one has timed out, the other would have.
      let other = try await scene.start("/other")
      try await scene.server.request(on: 1)
      try await scene.server.send(half, on: 1)
      #expect(try await other.outcome().fault == .idleTimeout)
      #expect(!slow.entries.contains { $0.isLast })
      try await slow.readOn()
      #expect(try await slow.outcome() == Outcome(status: 200, body: "half", fault: .idleTimeout))
    }
  }

  @Test(
    "A connection closed in the middle of an answer is a cut",
    arguments: [
      "Content-Length: 9\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ])
  func cut(rest: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send("HTTP/1.1 200 OK\r\n" + rest)
      try await call.wait { $0.contains(.body(ByteBuffer(string: "half"))) }
      try await scene.server.close()
      let outcome = try await call.outcome()
      guard case .cut = outcome.fault else { throw Unexpected(outcome) }
      #expect(outcome.status == 200 && outcome.body == "half")
      #expect(try await scene.connectionCount == 0)
    }
  }

  @Test("A connection closed before the head", arguments: ["", "HTTP/1.1 ", "HTTP/1.1 200 OK\r\nx-half"])
  func closedBeforeHead(half: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      if !half.isEmpty { try await scene.server.send(half) }
      try await scene.server.close()
      #expect(try await call.outcome() == Outcome(fault: .closedBeforeHead))
    }
  }

  @Test("A request that was written whole is never sent a second time")
  func noRetry() async throws {
    try await PoolScene.run { scene in
      try await scene.exchange("/0", on: 0)
      let call = try await scene.start("/1")
      try await scene.server.request(1)
      try await scene.server.close()
      #expect(try await call.outcome() == Outcome(fault: .closedBeforeHead))
      #expect(scene.server.acceptedCount == 1)
    }
  }

  @Test(
    "What is not HTTP",
    arguments: [
      "<html><body>no</body></html>\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 xyz\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ])
  func invalid(text: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send(text)
      let outcome = try await call.outcome()
      guard case .invalid = outcome.fault else { throw Unexpected(outcome) }
      #expect(outcome.status == nil)
      try await scene.server.wait(for: .closed(0))
      try await scene.exchange("/next", on: 1)
    }
  }

  @Test("A body that stops being HTTP")
  func invalidBody() async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      try await scene.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n")
      let outcome = try await call.outcome()
      guard case .invalid = outcome.fault else { throw Unexpected(outcome) }
      #expect(outcome.body == "half")
      try await scene.server.wait(for: .closed(0))
    }
  }

  struct Unexpected: Error {
    let outcome: Outcome
    init(_ outcome: Outcome) { self.outcome = outcome }
  }
}

extension PoolScene {
  /// A pool that speaks TLS to a server that does not.
  static func secure(
    reading: ScriptedServer.Reading = .everything, limits: @Sendable (inout UpstreamLimits) -> Void = { _ in },
    body: (PoolScene) async throws -> Void
  ) async throws {
    let server = try await ScriptedServer.start(reading: reading)
    let origin = UpstreamOrigin(.tcp(host: "127.0.0.1", port: server.port), isSecure: true)
    let tls = try NIOSSLContext(configuration: .makeClientConfiguration())
    try await run(server: server, origin: origin, tls: tls, limits: limits, body: body)
  }
}
