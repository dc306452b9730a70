import Kernel

/// How many threads a database gets, and how long they and their callers wait.
struct WorkerLimits: Sendable {
  /// How many threads there may be, each with a connection.
  var count: Int
  /// How long a transaction may wait for one.
  var wait: Duration
  /// How long one stays without anything to do.
  var idleSeconds = 60
}

extension WorkerLine.Refusal {
  /// What the caller gets.
  var failure: Failure {
    switch self {
    case .closed: .databaseUnavailable("the database was closed")
    case .full: .databaseUnavailable("too many transactions wait for a connection")
    case .late: .databaseUnavailable("no connection became free in time")
    case .unreachable(let problem): .databaseUnavailable(problem)
    }
  }
}
