import Foundation
import GRDB
import GRDBSQLite
import Kernel

/// One transaction on a connection to SQLite.
final class SQLiteSession {
  private let database: GRDB.Database
  private let texts: SQLiteTexts
  private let isReadOnly: Bool
  private let statementLimit: Duration?
  private var deadline = ContinuousClock.now

  init(_ database: GRDB.Database, texts: SQLiteTexts, isReadOnly: Bool, statementLimit: Duration?) {
    self.database = database
    self.texts = texts
    self.isReadOnly = isReadOnly
    self.statementLimit = statementLimit
  }

  /// Runs `body` with a watch over the time of its statements.
  func watched<Value>(_ body: () throws -> Value) throws -> Value {
    guard statementLimit != nil, let connection = database.sqliteConnection else { return try body() }
    // 10,000 instructions take SQLite some 100 µs.
    let session = Unmanaged.passUnretained(self).toOpaque()
    sqlite3_progress_handler(
      connection, 10_000,
      { session in
        guard let session else { return 0 }
        return Unmanaged<SQLiteSession>.fromOpaque(session).takeUnretainedValue().isLate ? 1 : 0
      }, session)
    defer { sqlite3_progress_handler(connection, 0, nil, nil) }
    return try body()
  }

  private var isLate: Bool { ContinuousClock.now >= deadline }

  func run(_ sql: String, _ values: [DatabaseValue]) throws(Failure) -> StatementResult {
    if let statementLimit { deadline = .now + statementLimit }
    let statement = try prepare(sql)
    let changedBefore = database.totalChangesCount
    do {
      var result = StatementResult()
      let columns = statement.columnNames
      let cursor = try GRDB.Row.fetchCursor(statement, arguments: StatementArguments(values.map(\.forSQLite)))
      while let row = try cursor.next() {
        result.rows.append(Row(columns: columns, values: row.databaseValues.map(DatabaseValue.init)))
      }
      if database.totalChangesCount != changedBefore { result.changed = database.changesCount }
      return result
    } catch {
      throw Failure(sqlite: error, isReadOnly: isReadOnly)
    }
  }

  private func prepare(_ sql: String) throws(Failure) -> Statement {
    let (text, isKept) = texts.text(for: sql)
    do {
      return isKept ? try database.cachedStatement(sql: text) : try database.makeStatement(sql: text)
    } catch {
      throw Failure(sqliteStatement: error, isReadOnly: isReadOnly)
    }
  }
}

extension DatabaseValue {
  fileprivate init(_ value: GRDB.DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let number): self = .integer(number)
    case .double(let number): self = .real(number)
    case .string(let text): self = .text(text)
    case .blob(let bytes): self = .blob([UInt8](bytes))
    }
  }

  fileprivate var forSQLite: GRDB.DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let number): number.databaseValue
    case .real(let number): number.databaseValue
    case .text(let text): text.databaseValue
    case .blob(let bytes): Data(bytes).databaseValue
    }
  }
}
