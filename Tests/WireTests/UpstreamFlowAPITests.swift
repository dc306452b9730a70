import NIOCore
import Synchronization
import Testing
import Wire

/// The pool against a real server on loopback: who may stop whom, and what is sent again.
@Suite("Neither side outruns the other", .timeLimit(.minutes(1)))
struct UpstreamFlowAPITests {
  /// More than the sockets' buffers hold on both sides together.
  static let large = 64 << 20

  @Test(
    "Cancelling closes the connection at once, and nothing more is heard",
    arguments: ["", "HTTP/1.1 200 OK\r\n\r\na"])
  func cancel(begun: String) async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start()
      try await scene.server.request()
      if !begun.isEmpty {
        try await scene.server.send(begun)
        try await call.wait { $0.contains(.paused) }
      }
      let heard = call.entries
      try await call.cancel()
      #expect(try await scene.connectionCount == 0)
      try await scene.server.wait(for: .closed(0))
      try await scene.exchange("/next", on: 1)
      #expect(call.entries == heard)
      try await call.cancel()
    }
  }

  @Test("A call that is cancelled as soon as it begins leaves a pool that works and a connection that closes in time")
  func cancelAtOnce() async throws {
    try await PoolScene.run(limits: { ($0.connections, $0.keepAlive) = (1, .milliseconds(20)) }) { scene in
      for _ in 0..<20 {
        let cancelled = try await scene.startAndCancel("/cancelled")
        let call = try await scene.start("/kept")
        let number = try await nextRequest(scene)
        try await scene.server.send(PoolScene.answer("ok"), on: number)
        #expect(try await call.outcome() == Outcome(status: 200, body: "ok"))
        #expect(cancelled.entries.isEmpty)
        try await scene.server.wait(for: .closed(number))
      }
      let last = try await scene.startAndCancel()
      try await scene.waitUntilEmpty()
      #expect(last.entries.isEmpty)
      #expect(!scene.server.entries.contains { if case .head(_, "/cancelled") = $0 { true } else { false } })
    }
  }

  /// The connection of the newest request.
  private func nextRequest(_ scene: PoolScene) async throws -> Int {
    let asked = { (entries: [ScriptedServer.Entry]) in
      entries.compactMap { if case .request(let number, _) = $0 { number } else { nil } }
    }
    let closed = { (entries: [ScriptedServer.Entry]) in
      Set(entries.compactMap { if case .closed(let number) = $0 { number } else { nil } })
    }
    let open = { (entries: [ScriptedServer.Entry]) in asked(entries).last { !closed(entries).contains($0) } }
    return try #require(open(try await scene.server.entries(until: { open($0) != nil })))
  }

  @Test("A receiver that wants no more stops the server; when it wants more, all of it comes")
  func backPressure() async throws {
    try await PoolScene.run { scene in
      let call = try await scene.start("/slow", readsOn: false)
      try await scene.server.request(on: 0)
      try await scene.server.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.large)\r\n\r\n")
      try await call.wait { $0.contains(.paused) }
      let written = Atomic(false)
      let writing = scene.server.sending(ByteBuffer(repeating: UInt8(ascii: "a"), count: Self.large))
      writing.whenComplete { _ in written.store(true, ordering: .sequentiallyConsistent) }
      // Other calls of the same pool go on meanwhile.
      for count in 0..<50 { try await scene.exchange("/\(count)", on: 1, count) }
      #expect(call.bodyCount <= 1 << 20)
      let isWritten = written.load(ordering: .sequentiallyConsistent)
      #expect(!isWritten)
      try await call.readOn()
      try await writing.get()
      let outcome = try await call.outcome()
      #expect(outcome.fault == nil)
      #expect(outcome.body.utf8.count == Self.large)
    }
  }

  @Test("A server that answers without reading the request is heard, and its connection is not used again")
  func answeredEarly() async throws {
    let server = try await ScriptedServer.start(reading: .heads)
    try await PoolScene.run(server: server) { scene in
      let body = ByteBuffer(repeating: UInt8(ascii: "a"), count: Self.large)
      let call = try await scene.start("/0", body: body)
      try await scene.server.wait(for: .head(0, "/0"))
      try await scene.server.send("HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno")
      #expect(try await call.outcome() == Outcome(status: 413, body: "no"))
      #expect(try await scene.connectionCount == 0)
      let next = try await scene.start("/1")
      try await scene.server.wait(for: .head(1, "/1"))
      try await scene.server.send(PoolScene.answer("ok"), on: 1)
      #expect(try await next.outcome() == Outcome(status: 200, body: "ok"))
    }
  }

  @Test("A request that an idle connection did not take whole goes out again on a new one, once it is closed")
  func retry() async throws {
    let server = try await ScriptedServer.start(reading: .heads)
    try await PoolScene.run(server: server, limits: { $0.connections = 1 }) { scene in
      let first = try await scene.start("/first")
      try await scene.server.wait(for: .head(0, "/first"))
      try await scene.server.send(PoolScene.answer("ok"))
      #expect(try await first.outcome() == Outcome(status: 200, body: "ok"))
      // The server reads no more on this connection, and closes it.
      let body = ByteBuffer(repeating: UInt8(ascii: "a"), count: Self.large)
      let call = try await scene.start("/again", body: body)
      let waiting = try await scene.startAll(["/2", "/3"])
      try await scene.server.close()
      try await scene.server.wait(for: .head(1, "/again"))
      try await scene.server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", on: 1)
      #expect(try await call.outcome() == Outcome(status: 200, body: "ok"))
      // Those who waited kept their order meanwhile; each closes its connection in turn.
      for (position, call) in waiting.enumerated() {
        try await scene.server.wait(for: .head(2 + position, "/\(2 + position)"))
        try await scene.server.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", on: 2 + position)
        #expect(try await call.outcome() == Outcome(status: 200, body: "ok"))
      }
      #expect(scene.server.acceptedCount == 4)
    }
  }

  @Test("On a new connection such a request fails, and goes out once only")
  func noRetryOnNewConnection() async throws {
    let server = try await ScriptedServer.start(reading: .heads)
    try await PoolScene.run(server: server) { scene in
      let call = try await scene.start("/0", body: ByteBuffer(repeating: UInt8(ascii: "a"), count: Self.large))
      try await scene.server.wait(for: .head(0, "/0"))
      try await scene.server.close()
      #expect(try await call.outcome() == Outcome(fault: .closedBeforeHead))
      #expect(scene.server.acceptedCount == 1)
    }
  }

  @Test("Hundreds of calls at once, some cancelled, some cut: each hears its own answer or its own end")
  func many() async throws {
    try await PoolScene.run(limits: { $0.connections = 16 }) { scene in
      let calls = try await scene.startAll((0..<300).map { "/\($0)" })
      for call in calls.indices where call % 7 == 3 { try await calls[call].cancel() }
      let serving = Task { try await serveAll(scene) }
      for (position, call) in calls.enumerated() where position % 7 != 3 {
        let outcome = try await call.outcome()
        if position % 5 == 0 {
          #expect(outcome.fault == .closedBeforeHead, "\(position)")
        } else {
          #expect(outcome == Outcome(status: 200, body: "/\(position)"))
        }
      }
      serving.cancel()
      _ = await serving.result
      #expect(try await scene.connectionCount <= 16)
    }
  }

  /// Answers every request with its path, and closes on each fifth.
  private func serveAll(_ scene: PoolScene) async throws {
    var seen = 0
    while true {
      let entries = try await scene.server.entries(until: { $0.count > seen })
      for case .request(let number, let request) in entries[seen...] {
        let position = Int(request.path.dropFirst()) ?? 0
        // Cancelled calls close their connection, whatever the server is about to say on it.
        if position % 5 == 0 {
          try? await scene.server.close(number)
        } else {
          try? await scene.server.send(PoolScene.answer(request.path), on: number)
        }
      }
      seen = entries.count
    }
  }
}
