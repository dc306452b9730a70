package import Kernel

/// Which database is spoken to, for the few statements that cannot be written for both.
package enum Dialect: Sendable {
  case sqlite
  case postgres
}

/// Statements that happen together or not at all; valid inside the closure that was given it.
///
/// SQL is written once, with `$1`, `$2` … for values, which may be used in any order and more than once. PostgreSQL
/// finds out their types from where they stand; where it cannot, say `CAST($1 AS BIGINT)`, which both understand.
/// After a statement has failed, all others fail with the same failure and nothing is committed, even if the closure
/// caught it: where a failure is expected, write `ON CONFLICT`.
package struct Transaction {
  private enum Session {
    case sqlite(SQLiteSession)
    case postgres(PostgresSession)
  }

  /// Which database this is.
  package let dialect: Dialect
  private let session: Session
  private let record: TransactionRecord

  init(_ session: SQLiteSession, _ record: TransactionRecord) {
    dialect = .sqlite
    self.session = .sqlite(session)
    self.record = record
  }

  init(_ session: PostgresSession, _ record: TransactionRecord) {
    dialect = .postgres
    self.session = .postgres(session)
    self.record = record
  }

  /// Runs a statement and returns all its rows, so ask for as many as fit in memory.
  ///
  /// - Throws: `conflict` for a row that may be there only once, `invalidRequest` for a value that no database takes,
  ///   `unavailable`, and `internalError` for a statement that is wrong.
  package func query(_ sql: String, _ values: [DatabaseValue] = []) throws(Failure) -> [Row] {
    try run(sql, values).rows
  }

  /// Runs a statement and returns how many rows it inserted, changed or deleted.
  ///
  /// - Throws: the same as `query`.
  @discardableResult
  package func execute(_ sql: String, _ values: [DatabaseValue] = []) throws(Failure) -> Int {
    try run(sql, values).changed
  }

  private func run(_ sql: String, _ values: [DatabaseValue]) throws(Failure) -> StatementResult {
    if let failure = record.failure { throw failure }
    let begin = ContinuousClock.now
    defer { record.note(sql, took: begin.duration(to: .now)) }
    do throws(Failure) {
      for value in values { try value.check() }
      return switch session {
      case .sqlite(let session): try session.run(sql, values)
      case .postgres(let session): try session.run(sql, values)
      }
    } catch {
      record.failure = error
      throw error
    }
  }
}

/// What a statement brought.
struct StatementResult {
  var rows: [Row] = []
  var changed = 0
}

/// What is remembered about one transaction while it runs, and where its statements are counted.
final class TransactionRecord {
  /// The first failure of a statement: from then on nothing can be committed.
  var failure: Failure?
  private let ledger: DatabaseLedger

  init(_ ledger: DatabaseLedger) {
    self.ledger = ledger
  }

  /// The value of the closure, unless a statement of it had failed, caught or not.
  func close<Value>(_ value: Value) throws(Failure) -> Value {
    if let failure { throw failure }
    return value
  }

  func note(_ sql: String, took duration: Duration) {
    ledger.noteStatement(sql, took: duration)
  }
}

extension DatabaseValue {
  /// Refuses what the two databases would each store as something else.
  fileprivate func check() throws(Failure) {
    switch self {
    case .text(let text) where text.utf8.contains(0):
      throw Failure(.invalidRequest, reason: "invalid_text", "A text must not contain the character U+0000.")
    case .real(let number) where number.isNaN:
      throw Failure(.invalidRequest, reason: "invalid_number", "A number must be one: NaN cannot be stored.")
    default: break
    }
  }
}
