/// A command that somebody waits for.
struct RedisCall: Sendable {
  let bytes: [UInt8]
  let continuation: CheckedContinuation<Result<RESPValue, RedisFault>, Never>

  func finish(_ result: Result<RESPValue, RedisFault>) {
    continuation.resume(returning: result)
  }
}

/// Why a command has no reply.
enum RedisFault: Error, Equatable {
  /// It was not sent: Redis is known not to work, or too much is under way.
  case refused(String)
  /// No reply in time.
  case missed
  /// The connection was lost before the reply came.
  case lost(String)
}

/// Where commands come in, from any thread, on their way to the event loop: what does not go on is refused here.
struct RedisGate<Call> {
  enum Entry {
    case refused(String)
    /// The loop has to be told, unless it was already.
    case queued(isFirst: Bool)
  }

  /// Commands that wait to be sent or for their replies.
  static var maxCommands: Int { 10_000 }
  /// Bytes of commands that are not written yet.
  static var maxBytes: Int { 64 << 20 }

  /// Why nothing is let in; nil while it is open.
  private(set) var problem: String? = "it is not connected yet"
  /// What the last reply complained of, although commands go on being sent; nil when it brought what was asked for.
  var complaint: String?
  private var queue: [Call] = []
  private var unansweredCount = 0
  private var unwrittenBytes = 0
  /// Those of them that wait in the queue.
  private var queuedBytes = 0

  mutating func enter(_ call: Call, byteCount: Int) -> Entry {
    if let problem { return .refused(problem) }
    guard queue.count + unansweredCount < Self.maxCommands, unwrittenBytes + byteCount <= Self.maxBytes else {
      return .refused("too much is under way")
    }
    unwrittenBytes += byteCount
    queuedBytes += byteCount
    queue.append(call)
    return .queued(isFirst: queue.count == 1)
  }

  /// Takes out what came in.
  mutating func takeQueue() -> [Call] {
    defer {
      queue = []
      queuedBytes = 0
    }
    return queue
  }

  /// Notes how many were sent and have no reply yet.
  mutating func setUnanswered(_ count: Int) {
    unansweredCount = count
  }

  /// Notes that commands were written, or never will be.
  mutating func wrote(byteCount: Int) {
    unwrittenBytes -= byteCount
  }

  mutating func open() {
    problem = nil
    complaint = nil
  }

  /// Lets nothing in any more, and takes out what came in and was not sent.
  mutating func close(_ problem: String) -> [Call] {
    self.problem = problem
    unwrittenBytes -= queuedBytes
    return takeQueue()
  }
}
