import Kernel

/// One transaction on a connection to PostgreSQL.
final class PostgresSession {
  typealias Mode = PostgresBackend.Mode

  /// How a transaction ended.
  enum Ending {
    case done
    /// It cannot go together with another one: to be begun again.
    case collided(Failure)
    /// The connection was dead before anything was done.
    case stale(Failure)
    case failed(Failure)
  }

  /// How long the server may take to begin, which waits for nobody's locks: beyond it the connection is dead, such as
  /// one to a machine that has gone.
  private static let beginLimit = Duration.seconds(2)

  private let connection: PostgresConnection
  private let mode: Mode
  private let statementTimeout: Duration
  /// What PostgreSQL called the last problem.
  private var lastState: String?

  init(_ connection: PostgresConnection, mode: Mode, statementTimeout: Duration) {
    self.connection = connection
    self.mode = mode
    self.statementTimeout = statementTimeout
  }

  /// The server stops a statement at its limit; two seconds later it is taken for one that hangs.
  private var deadline: ContinuousClock.Instant {
    .now + (mode == .migrate ? .seconds(24 * 3600) : statementTimeout + .seconds(2))
  }

  func run(_ sql: String, _ values: [DatabaseValue]) throws(Failure) -> StatementResult {
    do throws(PostgresConnection.Problem) {
      return try connection.run(sql, values, until: deadline).statementResult
    } catch {
      if case .refused(let state, _) = error { lastState = state }
      throw error.failure(isReadOnly: mode == .read)
    }
  }

  /// Runs a whole transaction; the value is the closure's, which counts only when it was `done`.
  func transact<Value>(
    _ record: TransactionRecord, _ body: (Transaction) throws -> Value
  ) -> (ending: Ending, value: Value?) {
    if let ending = begin() { return (ending, nil) }
    do {
      let value = try record.close(try body(Transaction(self, record)))
      return (commit(), value)
    } catch {
      return (rollBack(because: (error as? Failure) ?? .misuse("\(type(of: error))")), nil)
    }
  }

  private func begin() -> Ending? {
    let statement =
      switch mode {
      case .read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
      case .write: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
      case .migrate: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0"
      }
    do throws(PostgresConnection.Problem) {
      _ = try connection.simple(statement, until: .now + Self.beginLimit)
      return nil
    } catch {
      connection.close()
      return .stale(error.failure(isReadOnly: false))
    }
  }

  private func rollBack(because failure: Failure) -> Ending {
    guard !connection.isClosed else { return .failed(failure) }
    do throws(PostgresConnection.Problem) {
      _ = try connection.simple("ROLLBACK", until: deadline)
    } catch {
      connection.close()  // undoes it as well
    }
    switch lastState {
    case "40001", "40P01": return .collided(failure)
    // The plan of a prepared statement has become another one, or the statement is gone: both are made anew. The first
    // code also says that something is not supported at all, in words of any language: that fails again, once.
    case "0A000", "26000":
      connection.close()
      return .stale(failure)
    // The server only reads now: another one may have taken its place.
    case "25006" where mode != .read:
      connection.close()
      return .failed(failure)
    default: return .failed(failure)
    }
  }

  private func commit() -> Ending {
    do throws(PostgresConnection.Problem) {
      let word = try connection.simple("COMMIT", until: deadline).command
      return word == "COMMIT" ? .done : .failed(.misuse("the transaction was rolled back instead of committed"))
    } catch {
      let failure = error.failure(isReadOnly: mode == .read)
      switch error {
      case .lost where mode == .read, .silent where mode == .read: return .done
      case .lost(let why): return .failed(.outcomeUnknown(why))
      case .silent: return .failed(.outcomeUnknown(failure.cause ?? ""))
      case .refused("40001", _), .refused("40P01", _): return .collided(failure)
      case .refused: return .failed(failure)
      }
    }
  }
}

extension PostgresConnection.Problem {
  /// What the caller gets.
  ///
  /// Source: PostgreSQL 15, Appendix A, error codes by class.
  func failure(isReadOnly: Bool) -> Failure {
    switch self {
    case .lost(let why): .databaseUnavailable(why)
    case .silent: .databaseUnavailable("the server does not answer")
    case .refused("23505", let why), .refused("23P01", let why): .conflict(why)
    case .refused("57014", let why): .databaseTimeout(why)
    case .refused("08P01", let why): .misuse(why)  // such as another number of values than the statement has
    case .refused("25006", let why): isReadOnly ? .misuse(why) : .databaseUnavailable(why)
    case .refused("55P03", let why): .databaseUnavailable(why)
    case .refused(let state, let why):
      ["08", "40", "53", "57", "58"].contains { state.hasPrefix($0) } ? .databaseUnavailable(why) : .misuse(why)
    }
  }
}
