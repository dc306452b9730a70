import NIOCore

/// Who waits for a connection, who serves, and when another connection may be opened: rules without threads.
///
/// A worker is a thread with a connection. It is started for a job when none is idle and there may be more; a job that
/// finds none waits, in order. When connecting fails, the next attempt comes after a pause, one at a time; as long as
/// no other worker has a connection, jobs are refused at once instead of waiting for nothing.
struct WorkerLine<Job: Sendable>: Sendable {
  struct Limits: Sendable {
    /// How many workers there may be.
    var workers: Int
    /// How many jobs may wait.
    var waiting = 4096
    /// How long a job may wait.
    var wait: Duration
  }

  /// A job with the times of its waiting.
  struct Turn: Sendable {
    let job: Job
    let since: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
  }

  enum Refusal: Equatable, Sendable {
    case closed
    case full
    case late
    case unreachable(String)
  }

  enum Action: Sendable {
    case start(worker: Int, Turn)
    case hand(Turn, worker: Int)
    case refuse(Turn, Refusal)
    case end(worker: Int)
  }

  private let limits: Limits
  private var lastWorker = 0
  /// Workers without a connection yet, or without one any more.
  private var connecting: Set<Int> = []
  /// Workers with a connection.
  private var connected: Set<Int> = []
  /// Those that have nothing to do; the last one is asked first, so that the others may end.
  private var idle: [Int] = []
  private var queue: CircularBuffer<Turn> = []
  private var isClosed = false
  /// Why the last attempt to connect failed, until one succeeds.
  private var problem: String?
  private var failedAttempts = 0
  private var nextAttempt = ContinuousClock.now

  init(_ limits: Limits) {
    self.limits = limits
  }

  /// Connections that are open, those that serve, and the jobs that wait.
  var counts: (open: Int, busy: Int, waiting: Int) { (connected.count, connected.count - idle.count, queue.count) }
  /// When the first job has waited long enough.
  var nextDeadline: ContinuousClock.Instant? { queue.first?.deadline }
  /// Whether it was closed and the last worker has ended.
  var isDrained: Bool { isClosed && connected.isEmpty && connecting.isEmpty }

  /// A job comes.
  mutating func submit(_ job: Job, at now: ContinuousClock.Instant) -> [Action] {
    let turn = Turn(job: job, since: now, deadline: now + limits.wait)
    if isClosed { return [.refuse(turn, .closed)] }
    if queue.count >= limits.waiting { return [.refuse(turn, .full)] }
    queue.append(turn)
    return pump(at: now)
  }

  /// A worker has its connection.
  mutating func connected(_ worker: Int, at now: ContinuousClock.Instant) -> [Action] {
    connecting.remove(worker)
    connected.insert(worker)
    problem = nil
    failedAttempts = 0
    return pump(at: now)
  }

  /// A worker found that its connection is dead, before it began its job, and makes another.
  mutating func lost(_ worker: Int) {
    connected.remove(worker)
    connecting.insert(worker)
  }

  /// A worker could not connect, and ends; its job waits on, if there is anything to wait for.
  mutating func failed(
    _ worker: Int, _ turn: Turn, because problem: String, at now: ContinuousClock.Instant
  ) -> [Action] {
    connecting.remove(worker)
    self.problem = problem
    nextAttempt = now + min(.milliseconds(100 << min(failedAttempts, 4)), .seconds(1))
    failedAttempts += 1
    queue.prepend(turn)
    return pump(at: now)
  }

  /// A worker has done its job, or has closed its connection and ends.
  mutating func finished(_ worker: Int, isConnected: Bool, at now: ContinuousClock.Instant) -> [Action] {
    if !isConnected {
      connected.remove(worker)
    } else if isClosed {
      return [.end(worker: worker)]
    } else {
      idle.append(worker)
    }
    return pump(at: now)
  }

  /// A worker has been idle for long: whether it may close its connection, and be `finished` then. It may not when a
  /// job is on its way to it.
  mutating func retire(_ worker: Int) -> Bool {
    guard let index = idle.firstIndex(of: worker) else { return false }
    idle.remove(at: index)
    return true
  }

  /// Time has passed: who waited too long is refused.
  mutating func expire(at now: ContinuousClock.Instant) -> [Action] {
    var late: [Action] = []
    while let first = queue.first, first.deadline <= now {
      queue.removeFirst()
      late.append(.refuse(first, .late))
    }
    return late
  }

  /// No more jobs: who waits is refused, who is idle ends, who serves ends after that.
  mutating func close() -> [Action] {
    isClosed = true
    let refused = queue.map { Action.refuse($0, .closed) }
    let ended = idle.map { Action.end(worker: $0) }
    queue = []
    idle = []
    return refused + ended
  }

  /// Gives the jobs that wait to whoever may serve them.
  private mutating func pump(at now: ContinuousClock.Instant) -> [Action] {
    var actions = expire(at: now)
    while let turn = queue.first {
      if let worker = idle.popLast() {
        actions.append(.hand(turn, worker: worker))
      } else if mayConnect(at: now) {
        lastWorker += 1
        connecting.insert(lastWorker)
        actions.append(.start(worker: lastWorker, turn))
      } else if let refusal = hopeless {
        actions.append(.refuse(turn, refusal))
      } else {
        break
      }
      queue.removeFirst()
    }
    return actions
  }

  private func mayConnect(at now: ContinuousClock.Instant) -> Bool {
    guard connecting.count + connected.count < limits.workers, !isClosed else { return false }
    return problem == nil || (now >= nextAttempt && connecting.isEmpty)
  }

  /// Why nobody will come for a job that waits.
  private var hopeless: Refusal? {
    if isClosed { return .closed }
    guard let problem, connected.isEmpty else { return nil }
    return .unreachable(problem)
  }
}
