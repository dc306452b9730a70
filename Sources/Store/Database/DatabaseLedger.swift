import Kernel
import Logging
import Synchronization

/// Where everything that happens to a database is counted, logged and remembered.
final class DatabaseLedger: Sendable {
  let figures = DatabaseFigures()
  let logger: Logger
  private let slowQuery: Duration
  private let health = Mutex(DatabaseHealth())

  init(slowQuery: Duration, logger: Logger) {
    self.slowQuery = slowQuery
    self.logger = logger
  }

  /// Why the database could not be used when it was last tried.
  var problem: String? { health.withLock { $0.problem(at: .now) } }

  func noteStatement(_ sql: String, took duration: Duration) {
    figures.querySeconds.record(duration.inSeconds)
    guard duration > slowQuery else { return }
    figures.slowQueries.add()
    logger.warning(
      "slow query", metadata: ["sql": "\(sql.clipped(to: 1000))", "seconds": "\(duration.inSeconds)"])
  }

  /// Notes how a transaction ended, and says so in the log when the database breaks down or comes back.
  func noteEnd(_ failure: Failure?, isWrite: Bool) {
    if let failure { figures.failures.with(failure.databaseKind).add() }
    let trouble = failure.flatMap { $0.isOfDatabase ? $0.cause ?? $0.message : nil }
    // A statement that took too long says no more about writing than about reading.
    let isOfWriting = isWrite && failure?.reason != "database_timeout"
    switch health.withLock({ $0.note(trouble, isWrite: isOfWriting, at: .now) }) {
    case .broken(let problem): logger.warning("database not available", metadata: ["problem": "\(problem)"])
    case .mended: logger.info("database available again")
    case nil: break
    }
  }
}

/// What the last transactions say about the database: those that only read say nothing about a disk that is full.
struct DatabaseHealth {
  enum Word: Equatable {
    case broken(String)
    case mended
  }

  /// How long a write that failed is remembered when none follows that succeeds, and how often the log hears of it.
  static let memory = Duration.seconds(10)

  private var readProblem: String?
  private var writeProblem: (words: String, time: ContinuousClock.Instant)?
  /// When the log was told last that the database is broken, and whether that is its last word.
  private var told: (time: ContinuousClock.Instant, isLast: Bool)?

  /// What is wrong; nil when all is well.
  func problem(at now: ContinuousClock.Instant) -> String? {
    if let writeProblem, now < writeProblem.time + Self.memory { return writeProblem.words }
    return readProblem
  }

  /// Takes how a transaction ended, and returns what is worth a line in the log.
  mutating func note(_ trouble: String?, isWrite: Bool, at now: ContinuousClock.Instant) -> Word? {
    if isWrite { writeProblem = trouble.map { ($0, now) } } else { readProblem = trouble }
    if isWrite, trouble == nil { readProblem = nil }
    guard let problem = problem(at: now) else {
      guard let told, told.isLast else { return nil }
      self.told = (told.time, false)
      return .mended
    }
    if let told, told.isLast || now < told.time + Self.memory { return nil }
    told = (now, true)
    return .broken(problem)
  }
}
