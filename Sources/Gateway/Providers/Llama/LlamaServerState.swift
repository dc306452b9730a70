/// The life of one local model server: what has happened goes in, what to do about it comes out.
///
/// Pure: it starts no process, reads no clock and waits for nothing; `LlamaServer` does that for it.
package struct LlamaServerState: Sendable {
  /// Something that has happened. A `ticket` is the one that came with the action that asked for it.
  package enum Event: Sendable {
    case begin
    case started(pid: Int32)
    case notStarted(String)
    /// The process is gone; the text says how it ended.
    case exited(String)
    case healthy(ticket: Int)
    case unhealthy(String, ticket: Int)
    case timer(ticket: Int)
    /// End it in peace.
    case stop
    /// End it at once.
    case abort
  }

  /// Something to do now. Only the newest of `probe` and `wake` counts: the answers to older ones are ignored.
  package enum Action: Sendable, Equatable {
    case spawn
    case terminate
    case kill
    case probe(ticket: Int)
    case wake(after: Duration, ticket: Int)
    /// The server is gone for good.
    case finish
  }

  private enum Phase {
    case idle
    case launching
    case starting(pid: Int32, since: ContinuousClock.Instant)
    case ready(pid: Int32, since: ContinuousClock.Instant, misses: Int)
    /// Killed because it did not answer; its end is awaited.
    case killed(pid: Int32, why: String)
    case backingOff
    /// Without a process while its start is under way.
    case stopping(pid: Int32?, atOnce: Bool)
    case stopped
  }

  /// How often a server that is loading its model is asked: short, because somebody is waiting for it.
  package static let startingProbeInterval = Duration.milliseconds(250)
  /// How often a server that is ready is asked.
  package static let readyProbeInterval = Duration.seconds(5)
  /// So many probes in a row must fail before a server that was ready is killed: a busy one may miss one.
  package static let toleratedMisses = 3
  /// A server that is not ready by then is killed; a model of 100 GB from a slow disk is.
  package static let startLimit = Duration.seconds(600)
  /// The pause before the first restart; it doubles with each failure in a row, up to `longestPause`.
  package static let shortestPause = Duration.milliseconds(500)
  /// So that what was missing is found soon after somebody has brought it.
  package static let longestPause = Duration.seconds(30)
  /// A server that was ready for so long has earned the shortest pause again.
  package static let steadyAfter = Duration.seconds(60)
  /// What a server that was asked to end may take for it.
  package static let stopLimit = Duration.seconds(5)

  private var phase = Phase.idle
  private var ticket = 0
  private var failuresInARow = 0
  private var wasReady = false
  private var problem: String?
  /// How often the process has ended without being asked to.
  package private(set) var restarts = 0

  /// A server that has not begun.
  package init() {}

  /// Takes in what happened at `now`, and says what to do.
  package mutating func receive(_ event: Event, at now: ContinuousClock.Instant) -> [Action] {
    switch event {
    case .begin: begin()
    case .started(let pid): started(pid, at: now)
    case .notStarted(let why): notStarted(why)
    case .exited(let ending): exited(ending, at: now)
    case .healthy(let ticket): ticket == self.ticket ? healthy(at: now) : []
    case .unhealthy(let why, let ticket): ticket == self.ticket ? unhealthy(why, at: now) : []
    case .timer(let ticket): ticket == self.ticket ? timer() : []
    case .stop: stop(atOnce: false)
    case .abort: stop(atOnce: true)
    }
  }

  // MARK: What is seen from outside

  /// Whether requests can be answered.
  package var state: LlamaStatus.State {
    switch phase {
    case .starting: .starting
    case .ready: .ready
    case .idle where problem == nil, .launching where problem == nil: .starting
    case .idle, .launching, .killed, .backingOff: wasReady ? .restarting : .failed
    case .stopping, .stopped: .stopped
    }
  }

  /// Why the server is not ready, or was not the last time; nil while it is.
  package var detail: String? {
    switch phase {
    case .ready, .stopping, .stopped: nil
    case .killed(_, let why): why
    case .idle, .launching, .starting, .backingOff: problem
    }
  }

  /// The process, while there is one.
  package var pid: Int32? {
    switch phase {
    case .starting(let pid, _), .ready(let pid, _, _), .killed(let pid, _): pid
    case .stopping(let pid, _): pid
    case .idle, .launching, .backingOff, .stopped: nil
    }
  }
}

// MARK: - One rule for each event

extension LlamaServerState {
  private mutating func begin() -> [Action] {
    switch phase {
    case .idle:
      phase = .launching
      return [.spawn]
    case .stopped: return [.finish]
    default: return []
    }
  }

  private mutating func started(_ pid: Int32, at now: ContinuousClock.Instant) -> [Action] {
    switch phase {
    case .launching:
      phase = .starting(pid: pid, since: now)
      return [probe()]
    case .stopping(nil, let atOnce):
      phase = .stopping(pid: pid, atOnce: atOnce)
      return endProcess(atOnce: atOnce)
    default: return []
    }
  }

  private mutating func notStarted(_ why: String) -> [Action] {
    switch phase {
    case .launching:
      wasReady = false
      return backOff(because: why)
    case .stopping: return finish()
    default: return []
    }
  }

  private mutating func exited(_ ending: String, at now: ContinuousClock.Instant) -> [Action] {
    switch phase {
    case .starting:
      wasReady = false
      restarts += 1
      return backOff(because: "\(ending) before it was ready")
    case .ready(_, let since, _):
      if now - since >= Self.steadyAfter { failuresInARow = 0 }
      restarts += 1
      return backOff(because: ending)
    case .killed(_, let why):
      restarts += 1
      return backOff(because: why)
    case .stopping: return finish()
    case .idle, .launching, .backingOff, .stopped: return []
    }
  }

  private mutating func healthy(at now: ContinuousClock.Instant) -> [Action] {
    switch phase {
    case .starting(let pid, _):
      phase = .ready(pid: pid, since: now, misses: 0)
      (wasReady, problem) = (true, nil)
    case .ready(let pid, let since, _): phase = .ready(pid: pid, since: since, misses: 0)
    default: return []
    }
    return [wake(after: Self.readyProbeInterval)]
  }

  private mutating func unhealthy(_ why: String, at now: ContinuousClock.Instant) -> [Action] {
    switch phase {
    case .starting(let pid, let since):
      guard now - since >= Self.startLimit else { return [wake(after: Self.startingProbeInterval)] }
      wasReady = false
      phase = .killed(pid: pid, why: "was not ready within \(Self.startLimit): \(why)")
    case .ready(let pid, let since, let misses) where misses + 1 >= Self.toleratedMisses:
      if now - since >= Self.steadyAfter { failuresInARow = 0 }
      phase = .killed(pid: pid, why: "did not answer \(misses + 1) times in a row: \(why)")
    case .ready(let pid, let since, let misses):
      phase = .ready(pid: pid, since: since, misses: misses + 1)
      return [wake(after: Self.readyProbeInterval)]
    default: return []
    }
    return [.kill]
  }

  private mutating func timer() -> [Action] {
    switch phase {
    case .starting, .ready: return [probe()]
    case .backingOff:
      phase = .launching
      return [.spawn]
    case .stopping: return [.kill]
    case .idle, .launching, .killed, .stopped: return []
    }
  }

  private mutating func stop(atOnce: Bool) -> [Action] {
    switch phase {
    case .idle:
      phase = .stopped
      return []
    case .backingOff: return finish()
    case .launching:
      phase = .stopping(pid: nil, atOnce: atOnce)
      return []
    case .starting(let pid, _), .ready(let pid, _, _), .killed(let pid, _):
      phase = .stopping(pid: pid, atOnce: atOnce)
      return endProcess(atOnce: atOnce)
    case .stopping(let pid, false) where atOnce:
      phase = .stopping(pid: pid, atOnce: true)
      return pid == nil ? [] : endProcess(atOnce: true)
    case .stopping, .stopped: return []
    }
  }
}

// MARK: - What the rules share

extension LlamaServerState {
  private mutating func backOff(because why: String) -> [Action] {
    problem = why
    phase = .backingOff
    let doublings = min(failuresInARow, 6)
    failuresInARow += 1
    return [wake(after: min(Self.shortestPause * (1 << doublings), Self.longestPause))]
  }

  private mutating func endProcess(atOnce: Bool) -> [Action] {
    atOnce ? [.kill] : [.terminate, wake(after: Self.stopLimit)]
  }

  private mutating func finish() -> [Action] {
    phase = .stopped
    return [.finish]
  }

  private mutating func probe() -> Action {
    ticket += 1
    return .probe(ticket: ticket)
  }

  private mutating func wake(after pause: Duration) -> Action {
    ticket += 1
    return .wake(after: pause, ticket: ticket)
  }
}
