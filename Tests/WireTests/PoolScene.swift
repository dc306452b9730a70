import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Wire

/// A pool on an event loop, driven from a test, and the server it speaks to.
final class PoolScene: Sendable {
  let server: ScriptedServer
  let loop: any EventLoop
  private let pool: NIOLoopBound<UpstreamPool>

  /// Limits that no test meets by chance; a test shortens the one it is about.
  static var limits: UpstreamLimits {
    var limits = UpstreamLimits(connect: .seconds(30), response: .seconds(30), idle: .seconds(30), connections: 4)
    limits.keepAlive = .seconds(30)
    limits.wait = .seconds(30)
    return limits
  }

  private init(server: ScriptedServer, loop: any EventLoop, pool: NIOLoopBound<UpstreamPool>) {
    self.server = server
    self.loop = loop
    self.pool = pool
  }

  /// Runs `body` with a server and a pool of its own; afterwards the server closes, and with it every connection.
  static func run(
    server: ScriptedServer? = nil, origin: UpstreamOrigin? = nil, tls: NIOSSLContext? = nil,
    limits change: @Sendable (inout UpstreamLimits) -> Void = { _ in }, body: (PoolScene) async throws -> Void
  ) async throws {
    let server = if let server { server } else { try await ScriptedServer.start() }
    var limits = PoolScene.limits
    change(&limits)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let origin = origin ?? UpstreamOrigin(.tcp(host: "127.0.0.1", port: server.port))
    let pool = try await loop.submit { [limits] in
      NIOLoopBound(UpstreamPool(origin: origin, limits: limits, tls: tls, loop: loop), eventLoop: loop)
    }.get()
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(PoolScene(server: server, loop: loop, pool: pool)))
    } catch {
      result = .failure(error)
    }
    await server.stop()
    try result.get()
  }

  /// Starts a request; what comes of it is in the call.
  func start(_ path: String = "/", body: ByteBuffer = ByteBuffer(), readsOn: Bool = true) async throws -> Call {
    try await startAll([path], body: body, readsOn: readsOn)[0]
  }

  /// Starts several requests in one turn of the loop.
  func startAll(_ paths: [String], body: ByteBuffer = ByteBuffer(), readsOn: Bool = true) async throws -> [Call] {
    try await loop.submit { paths.map { self.startOnLoop($0, body: body, readsOn: readsOn) } }.get()
  }

  /// Starts a request and cancels it in the same turn of the loop.
  func startAndCancel(_ path: String = "/") async throws -> Call {
    try await loop.submit {
      let call = self.startOnLoop(path, body: ByteBuffer(), readsOn: true)
      call.cancelOnLoop()
      return call
    }.get()
  }

  private func startOnLoop(_ path: String, body: ByteBuffer, readsOn: Bool) -> Call {
    let call = Call(loop: loop, readsOn: readsOn)
    let request = UpstreamRequest(method: .POST, path: path, lines: ["x-test": "1"], body: [body])
    call.hold(pool.value.start(request, for: call))
    return call
  }

  var connectionCount: Int {
    get async throws { try await loop.submit { self.pool.value.connectionCount }.get() }
  }

  /// Waits until no connection is open, turn by turn of the loop.
  func waitUntilEmpty() async throws {
    while try await connectionCount > 0 { try Task.checkCancellation() }
  }

  /// One call from its start to its answer, on the next connection or the one that is idle.
  func exchange(_ path: String, on connection: Int, _ count: Int = 0) async throws {
    let call = try await start(path)
    #expect(try await server.request(count, on: connection).path == path)
    try await server.send(PoolScene.answer(path), on: connection)
    #expect(try await call.outcome() == Outcome(status: 200, body: path))
  }

  /// A whole answer that keeps the connection.
  static func answer(_ body: String) -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// How a call ended.
struct Outcome: Sendable, Equatable {
  var status: Int?
  var body = ""
  /// Nil for a whole answer.
  var fault: UpstreamFault?
}

/// One request and all that its receiver was told.
final class Call: UpstreamReceiver, Sendable {
  enum Entry: Sendable, Equatable {
    case head(status: Int, retryAfter: String? = nil)
    case body(ByteBuffer)
    case paused
    case end
    case failed(UpstreamFault)
  }

  private let journal = Journal<Entry>()
  private let loop: any EventLoop
  private let readsOn: Atomic<Bool>
  private let handle: NIOLoopBoundBox<UpstreamCall?>

  /// Made on the loop.
  init(loop: any EventLoop, readsOn: Bool) {
    self.loop = loop
    self.readsOn = Atomic(readsOn)
    handle = NIOLoopBoundBox(nil, eventLoop: loop)
  }

  var entries: [Entry] { journal.entries }

  func hold(_ call: UpstreamCall) {
    handle.value = call
  }

  func cancel() async throws {
    try await loop.submit { self.cancelOnLoop() }.get()
  }

  func cancelOnLoop() {
    handle.value?.cancel()
  }

  /// From now on reads whatever comes.
  func readOn() async throws {
    readsOn.store(true, ordering: .relaxed)
    try await loop.submit { self.handle.value?.readMore() }.get()
  }

  func wait(until suffices: ([Entry]) -> Bool) async throws {
    try await journal.wait(until: suffices)
  }

  /// Waits for the end, whichever it is, and checks that everything came in its order.
  func outcome() async throws -> Outcome {
    let entries = try await journal.wait { $0.contains { $0.isLast } }
    var outcome = Outcome()
    for (position, entry) in entries.enumerated() {
      switch entry {
      case .head(let status, _):
        #expect(outcome.status == nil, "a second head")
        outcome.status = status
      case .body(let piece):
        #expect(outcome.status != nil, "a body without a head")
        outcome.body += String(buffer: piece)
      case .failed(let fault): outcome.fault = fault
      case .paused, .end: break
      }
      #expect(entry.isLast == (position == entries.count - 1), "something came after the end")
    }
    return outcome
  }

  /// How many bytes of the body came so far.
  var bodyCount: Int {
    entries.reduce(0) { if case .body(let piece) = $1 { $0 + piece.readableBytes } else { $0 } }
  }

  // MARK: What the upstream does

  func upstreamArrived() {}
  func upstreamHead(_ head: ResponseHead) {
    journal.write(.head(status: head.status, retryAfter: head.lines.first("retry-after")))
  }
  func upstreamBody(_ piece: ByteBuffer) { journal.write(.body(piece)) }
  func upstreamEnd() { journal.write(.end) }
  func upstreamFailed(_ fault: UpstreamFault) { journal.write(.failed(fault)) }

  func upstreamPaused() -> Bool {
    journal.write(.paused)
    return readsOn.load(ordering: .relaxed)
  }
}

extension Call.Entry {
  /// Whether nothing may come after it.
  var isLast: Bool {
    switch self {
    case .end, .failed: true
    case .head, .body, .paused: false
    }
  }
}
