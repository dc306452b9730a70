import Kernel
import Logging
import Synchronization

/// Where everything that happens to a database is counted, logged and remembered.
final class DatabaseLedger: Sendable {
  let figures = DatabaseFigures()
  let logger: Logger
  private let slowQuery: Duration
  /// Why the last transaction could not be served; nil when it could.
  private let trouble = Mutex<String?>(nil)

  init(slowQuery: Duration, logger: Logger) {
    self.slowQuery = slowQuery
    self.logger = logger
  }

  /// Why the database could not be used when it was last tried.
  var problem: String? { trouble.withLock { $0 } }

  func noteStatement(_ sql: String, took duration: Duration) {
    figures.querySeconds.record(duration.inSeconds)
    guard duration > slowQuery else { return }
    figures.slowQueries.add()
    logger.warning(
      "slow query", metadata: ["sql": "\(sql.clipped(to: 1000))", "seconds": "\(duration.inSeconds)"])
  }

  /// Notes how a transaction ended, and says so in the log when the database breaks down or comes back.
  func noteEnd(_ failure: Failure?) {
    if let failure { figures.failures.with(failure.databaseKind).add() }
    let now = failure.flatMap { $0.code == .unavailable ? $0.cause ?? $0.message : nil }
    let before = trouble.withLock { trouble in
      defer { trouble = now }
      return trouble
    }
    switch (before, now) {
    case (nil, let now?): logger.warning("database not available", metadata: ["problem": "\(now)"])
    case (.some, nil): logger.info("database available again")
    default: break
    }
  }
}
