import Dispatch
import Foundation
import Kernel
import Synchronization

/// Threads that each hold a connection and serve one closure at a time, as `WorkerLine` says.
///
/// Databases are asked by calls that block; they block these threads, and never the pool that runs Swift's tasks.
final class Workers<Connection>: Sendable {
  /// What became of the connection on which a job was served.
  enum Fate {
    case kept
    /// It cannot be used any more, and was closed.
    case broken
    /// It was dead before anything was done, and was closed: the job is served again on another, once.
    case stale
  }

  private struct Job: Sendable {
    /// Serves, and returns what tells the caller: called when the worker can take the next job.
    let serve: @Sendable (Connection) -> (fate: Fate, answer: () -> Void)
    let refuse: @Sendable (Failure) -> Void
  }

  private typealias Turn = WorkerLine<Job>.Turn

  private struct State {
    var line: WorkerLine<Job>
    var mailboxes: [Int: Mailbox<Turn>] = [:]
    var counted = (open: 0, busy: 0, waiting: 0)
    var isTimerSet = false
    var closing: [CheckedContinuation<Void, Never>] = []
  }

  private let name: String
  private let open: @Sendable () throws(Failure) -> Connection
  private let close: @Sendable (Connection) -> Void
  private let figures: DatabaseFigures
  private let state: Mutex<State>
  private let idleLimit: DispatchTimeInterval

  /// No thread is started and no connection opened before the first job. `name` is the threads'.
  init(
    _ name: String, limits: WorkerLimits, figures: DatabaseFigures,
    open: @escaping @Sendable () throws(Failure) -> Connection, close: @escaping @Sendable (Connection) -> Void
  ) {
    self.name = name
    self.figures = figures
    self.open = open
    self.close = close
    idleLimit = .seconds(limits.idleSeconds)
    state = Mutex(State(line: WorkerLine(WorkerLine.Limits(workers: limits.count, wait: limits.wait))))
  }

  /// Has `serve` called on a worker's thread, and returns its result.
  ///
  /// A cancelled task waits for it all the same: no longer than the limits of waiting and of statements.
  func run<Value: Sendable>(
    _ serve: @escaping @Sendable (Connection) -> (fate: Fate, result: Result<Value, Failure>)
  ) async throws(Failure) -> Value {
    let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
      let job = Job(
        serve: { connection in
          let (fate, result) = serve(connection)
          return (fate, { continuation.resume(returning: result) })
        },
        refuse: { continuation.resume(returning: .failure($0)) })
      change { $0.submit(job, at: .now) }
    }
    return try result.get()
  }

  /// Refuses what comes and what waits, and returns when what was being served is done and every worker has ended.
  func close() async {
    await withCheckedContinuation { continuation in
      state.withLock { $0.closing.append(continuation) }
      change { $0.close() }
    }
  }

  // MARK: The line

  private func change(_ event: (inout WorkerLine<Job>) -> [WorkerLine<Job>.Action]) {
    let (actions, closed, timer) = state.withLock { state in
      let actions = event(&state.line)
      count(&state)
      let closed = state.line.isDrained ? state.closing : []
      if state.line.isDrained { state.closing = [] }
      let timer = state.isTimerSet ? nil : state.line.nextDeadline
      if timer != nil { state.isTimerSet = true }
      return (actions, closed, timer)
    }
    if let timer { wake(at: timer) }
    actions.forEach(perform)
    closed.forEach { $0.resume() }
  }

  private func count(_ state: inout State) {
    let now = state.line.counts
    figures.open.add(now.open - state.counted.open)
    figures.busy.add(now.busy - state.counted.busy)
    figures.waiting.add(now.waiting - state.counted.waiting)
    state.counted = now
  }

  private func wake(at deadline: ContinuousClock.Instant) {
    let nanoseconds = Int(max(0, ContinuousClock.now.duration(to: deadline).inSeconds) * 1e9) + 1
    DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
      self.state.withLock { $0.isTimerSet = false }
      self.change { $0.expire(at: .now) }
    }
  }

  private func perform(_ action: WorkerLine<Job>.Action) {
    switch action {
    case .start(let worker, let turn): start(worker, turn)
    case .hand(let turn, let worker): state.withLock { $0.mailboxes[worker] }?.put(.job(turn))
    case .end(let worker): state.withLock { $0.mailboxes[worker] }?.put(.end)
    case .refuse(let turn, let refusal): turn.job.refuse(refusal.failure)
    }
  }

  // MARK: The threads

  private func start(_ worker: Int, _ turn: Turn) {
    let mailbox = Mailbox<Turn>()
    state.withLock { $0.mailboxes[worker] = mailbox }
    let thread = Thread {
      self.work(worker, turn, mailbox)
      self.state.withLock { $0.mailboxes[worker] = nil }
    }
    thread.name = "\(name)-\(worker)"
    thread.start()
  }

  private func work(_ worker: Int, _ first: Turn, _ mailbox: Mailbox<Turn>) {
    guard var connection = connection(for: worker, first) else { return }
    var turn: Turn? = first
    while let serving = turn {
      figures.waitSeconds.record(serving.since.duration(to: .now).inSeconds)
      var (fate, answer) = serving.job.serve(connection)
      if fate == .stale {
        change { line in
          line.lost(worker)
          return []
        }
        guard let fresh = self.connection(for: worker, serving) else { return }
        connection = fresh
        (fate, answer) = serving.job.serve(fresh)
      }
      change { $0.finished(worker, isConnected: fate == .kept, at: .now) }
      answer()
      if fate != .kept { return }
      turn = next(worker, mailbox)
    }
    close(connection)
    change { $0.finished(worker, isConnected: false, at: .now) }
  }

  private func connection(for worker: Int, _ turn: Turn) -> Connection? {
    do throws(Failure) {
      let connection = try open()
      change { $0.connected(worker, at: .now) }
      return connection
    } catch {
      change { $0.failed(worker, turn, because: error.cause ?? error.message, at: .now) }
      return nil
    }
  }

  /// The next job of an idle worker; nil when it is to end.
  private func next(_ worker: Int, _ mailbox: Mailbox<Turn>) -> Turn? {
    if let mail = mailbox.take(within: idleLimit) { return mail.turn }
    let mayEnd = state.withLock { $0.line.retire(worker) }
    return mayEnd ? nil : mailbox.take().turn
  }
}
