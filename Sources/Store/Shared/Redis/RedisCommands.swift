import NIOCore
import Synchronization
import Wire

/// The connection for commands: sends what the gate lets in, and completes each with its reply, or without one.
final class RedisCommands: RedisLineUser {
  /// Shared with whoever sends, on any thread.
  final class Entrance: Sendable {
    let gate = Mutex(RedisGate<RedisCall>())
  }

  /// With commands under way and not a byte for so long the connection is given up.
  private static let maxSilence = TimeAmount.seconds(1)

  private let line: RedisLine
  private let entrance: Entrance
  private let ping = RedisCommand("PING").bytes
  private var pipeline: RedisPipeline<RedisCall>
  private var breaker = RedisBreaker()
  private var deadline: LazyDeadline?
  private var complaint: String?

  init(_ line: RedisLine, entrance: Entrance, timeout: TimeAmount) {
    self.line = line
    self.entrance = entrance
    pipeline = RedisPipeline(timeout: timeout, maxSilence: Self.maxSilence)
    line.user = self
  }

  func begin(finished: EventLoopPromise<Void>) {
    // A millisecond more, in which the loop reads what has come: no answer is late that lies in the socket already.
    deadline = LazyDeadline(loop: line.loop) { [weak self] in
      self?.line.loop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { self?.passed() }
    }
    line.begin(finished: finished)
  }

  func stop() {
    line.stop()
  }

  /// Sends what came in.
  func drain() {
    let calls = entrance.gate.withLock { $0.takeQueue() }
    guard !calls.isEmpty else { return }
    let byteCount = calls.reduce(0) { $0 + $1.bytes.count }
    var bytes = ByteBuffer()
    bytes.reserveCapacity(byteCount)
    let now = NIODeadline.now()
    for call in calls {
      bytes.writeBytes(call.bytes)
      pipeline.send(call, at: now)
    }
    let written = line.loop.makePromise(of: Void.self)
    written.futureResult.whenComplete { [entrance] _ in entrance.gate.withLock { $0.wrote(byteCount: byteCount) } }
    line.send(bytes, promise: written)
    settle()
  }

  // MARK: What the line brings

  func lineCameUp() {
    breaker = RedisBreaker()
    complaint = nil
    entrance.gate.withLock { $0.open() }
  }

  func lineWentDown(_ problem: String) {
    let calls = entrance.gate.withLock { $0.close(problem) }
    for call in calls { call.finish(.failure(.refused(problem))) }
    for call in pipeline.removeAll() { call.finish(.failure(.lost(problem))) }
    settle()
    deadline?.cancel()
  }

  func received(_ reply: RESPValue) {
    switch pipeline.receive(at: .now()) {
    case .answer(let call):
      breaker.answered()
      call.finish(.success(reply))
      take(RedisTrouble(reply))
    case .late: break
    case .probe(let isInTime): act(on: breaker.probeReturned(isInTime: isInTime))
    case .unasked: line.fail("it says what nobody asked for")
    }
  }

  func receivedAll() {
    pipeline.noteSign(at: .now())
    settle()
  }

  private func take(_ trouble: RedisTrouble?) {
    complaint = trouble.map { "Redis says: \($0.word)" }
    guard let trouble, let complaint else { return }
    if trouble.isOfConnection { line.fail(complaint) } else { line.complain(complaint) }
  }

  // MARK: Deadlines

  private func passed() {
    let now = NIODeadline.now()
    for call in pipeline.expire(at: now) {
      call.finish(.failure(.missed))
      act(on: breaker.missed())
    }
    if pipeline.isSilent(at: now) { line.fail("it does not answer any more") }
    settle()
  }

  private func act(on change: RedisBreaker.Change) {
    switch change {
    case .none: break
    case .open:
      let problem = "it does not answer in time"
      for call in entrance.gate.withLock({ $0.close(problem) }) { call.finish(.failure(.refused(problem))) }
      probe()
    case .probe: probe()
    case .close: entrance.gate.withLock { $0.open() }
    }
  }

  private func probe() {
    pipeline.send(nil, at: .now())
    line.send(ByteBuffer(bytes: ping))
  }

  private func settle() {
    deadline?.set(pipeline.nextDeadline)
    let count = pipeline.count
    entrance.gate.withLock { gate in
      gate.setUnanswered(count)
      gate.complaint = complaint
    }
  }
}
