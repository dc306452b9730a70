import NIOCore

/// When to connect, to give up, to wait and to stop, for one connection that is to stand for ever: pure.
struct RedisLink {
  enum Event: Equatable {
    case begin
    /// The connection is open; whether there is a Redis behind it is still to be found out.
    case opened
    /// It could not be opened.
    case notOpened(String)
    /// Every greeting was answered.
    case greeted
    /// The connection is of no use any more.
    case failed(String)
    /// It is closed, by whomever.
    case closed
    case timer
    case stop
  }

  enum Action: Equatable {
    case connect
    case greet
    /// Commands may be sent from now on.
    case announce
    /// It has stood for a while: what went wrong before is over.
    case trust
    /// No commands any more, and why.
    case withdraw(String)
    case close
    /// Send `timer` after this time, and not at any other; nil is never.
    case wake(TimeAmount?)
    case finish
  }

  enum State: Equatable {
    case idle, connecting, greeting, up, closing, waiting
    /// There is still a connection, or one may come.
    case stopping
    case stopped
  }

  /// For a connection to be opened, and again for all greetings to be answered.
  static let connectTimeout = TimeAmount.seconds(1)
  /// How long a connection has to stand until it counts as one that works: some are closed right after the greeting.
  static let trustTime = TimeAmount.seconds(5)
  private static let firstPause = TimeAmount.milliseconds(50)
  private static let maxPause = TimeAmount.seconds(1)

  private(set) var state = State.idle
  /// Attempts in a row that came to nothing.
  private var failures = 0

  /// Takes what happened; `jitter` is random, from 0 up to 1.
  mutating func receive(_ event: Event, jitter: Double) -> [Action] {
    if event == .stop { return stop() }
    switch (state, event) {
    case (.idle, .begin), (.waiting, .timer): return enter(.connecting, [.connect])
    case (.connecting, .opened): return enter(.greeting, [.greet, .wake(Self.connectTimeout)])
    case (.greeting, .greeted): return enter(.up, [.wake(Self.trustTime), .announce])
    case (.up, .timer):
      failures = 0
      return [.wake(nil), .trust]
    case (.connecting, .notOpened(let problem)): return wait([.withdraw(problem)], jitter)
    case (.greeting, .timer): return enter(.closing, [.wake(nil), .withdraw("it does not answer"), .close])
    case (.greeting, .failed(let problem)), (.up, .failed(let problem)):
      return enter(.closing, [.wake(nil), .withdraw(problem), .close])
    case (.greeting, .closed), (.up, .closed): return wait([.withdraw("the connection was closed")], jitter)
    case (.closing, .closed): return wait([], jitter)
    case (.stopping, .opened): return [.close]
    case (.stopping, .notOpened), (.stopping, .closed): return enter(.stopped, [.finish])
    default: return []
    }
  }

  private mutating func enter(_ state: State, _ actions: [Action]) -> [Action] {
    self.state = state
    return actions
  }

  private mutating func wait(_ actions: [Action], _ jitter: Double) -> [Action] {
    failures += 1
    return enter(.waiting, actions + [.wake(Self.pause(afterFailures: failures, jitter: jitter))])
  }

  private mutating func stop() -> [Action] {
    switch state {
    case .idle, .waiting: enter(.stopped, [.wake(nil), .withdraw("it is stopped"), .finish])
    case .connecting: enter(.stopping, [.withdraw("it is stopped")])
    case .greeting, .up, .closing: enter(.stopping, [.wake(nil), .withdraw("it is stopped"), .close])
    case .stopping, .stopped: []
    }
  }

  /// 50 ms at first, doubled with every failure up to 1 s, and shortened by up to a half, so that replicas that lost
  /// the same server do not come back all at once.
  static func pause(afterFailures failures: Int, jitter: Double) -> TimeAmount {
    let doubled = firstPause.nanoseconds << Int64(min(max(failures, 1), 8) - 1)
    return .nanoseconds(Int64(Double(min(doubled, maxPause.nanoseconds)) * (1 - jitter / 2)))
  }
}
