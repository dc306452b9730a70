import Dispatch
import GRDB
import GRDBSQLite
import Kernel
import Logging

/// A file of SQLite's with one connection that writes and four that read, each served by a thread of its own.
final class SQLiteBackend: Sendable {
  private static let readers = 4
  /// How long a statement waits for another process to be done with the file.
  private static let busyTimeout = 5.0
  /// How long the write-ahead log stays when all of it is in the file.
  private static let journalBytes = 64 << 20

  private let pool: DatabasePool
  private let writer: Workers<DatabasePool>
  private let readers: Workers<DatabasePool>
  private let texts = SQLiteTexts()
  private let statementTimeout: Duration
  private let ledger: DatabaseLedger

  init(
    path: String, isMade: Bool, _ configuration: DatabaseConfiguration, ledger: DatabaseLedger
  ) throws(Failure) {
    if isMade { try SQLiteFile.prepare(path) } else { try SQLiteFile.find(path) }
    let pool = try Self.open(path, configuration.synchronous)
    let figures = ledger.figures
    let workers = { (name: String, count: Int) in
      Workers(
        name, limits: WorkerLimits(count: count, wait: configuration.waitTimeout), figures: figures,
        open: { () throws(Failure) in pool }, close: { _ in })
    }
    self.pool = pool
    self.ledger = ledger
    writer = workers("sqlite-writer", 1)
    readers = workers("sqlite-reader", Self.readers)
    statementTimeout = configuration.statementTimeout
  }

  private static func open(_ path: String, _ synchronous: DatabaseConfiguration.Synchronous) throws(Failure)
    -> DatabasePool
  {
    var settings = GRDB.Configuration()
    settings.foreignKeysEnabled = true
    settings.busyMode = .timeout(busyTimeout)
    settings.maximumReaderCount = readers
    do {
      let pool = try DatabasePool(path: path, configuration: settings)
      // GRDB's own choice for this mode of the journal is `NORMAL`.
      try pool.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = \(synchronous.rawValue)")
        // What a long read let it grow to is given back.
        try database.execute(sql: "PRAGMA journal_size_limit = \(journalBytes)")
      }
      return pool
    } catch {
      let failure = Failure(sqliteStatement: error, isReadOnly: false)
      throw Failure(
        .unavailable, reason: "database_unavailable",
        "cannot open the database \(path): \(failure.cause ?? failure.message)", cause: failure.cause)
    }
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    try await readers.run { [texts, statementTimeout, ledger] pool in
      Self.serve(ledger) { record in
        try pool.read { database in
          let session = SQLiteSession(database, texts: texts, isReadOnly: true, statementLimit: statementTimeout)
          return try session.watched { try record.close(try body(Transaction(session, record))) }
        }
      }
    }
  }

  func write<Value: Sendable>(
    isLimited: Bool, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    let limit = isLimited ? statementTimeout : nil
    return try await writer.run { [texts, ledger] pool in
      Self.serve(ledger) { record in
        try pool.writeWithoutTransaction { database in
          let session = SQLiteSession(database, texts: texts, isReadOnly: false, statementLimit: limit)
          return try Self.commit(database) {
            try session.watched { try record.close(try body(Transaction(session, record))) }
          }
        }
      }
    }
  }

  /// Returns what `body` returned once it is committed.
  private static func commit<Value>(_ database: GRDB.Database, _ body: () throws -> Value) throws -> Value {
    var value: Value?
    try database.inTransaction(.immediate) {
      value = try body()
      try refuseMoved(database)
      return .commit
    }
    guard let value else { throw Failure.misuse("a transaction ended without a value") }
    return value
  }

  /// A file that was deleted or replaced takes what is written all the same, for nobody to find after a restart.
  private static func refuseMoved(_ database: GRDB.Database) throws(Failure) {
    var isMoved: Int32 = 0
    sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_HAS_MOVED, &isMoved)
    if isMoved != 0 { throw .databaseUnavailable("the file was moved, deleted or replaced: restart Apus") }
  }

  private static func serve<Value>(
    _ ledger: DatabaseLedger, _ body: (TransactionRecord) throws -> Value
  ) -> (fate: Workers<DatabasePool>.Fate, result: Result<Value, Failure>) {
    do {
      return (.kept, .success(try body(TransactionRecord(ledger))))
    } catch {
      return (.kept, .failure(Failure(sqlite: error, isReadOnly: false)))
    }
  }

  /// Calls `body` on a reader's thread with the connections themselves.
  func onReader<Value: Sendable>(
    _ body: @escaping @Sendable (DatabasePool) throws -> Value
  ) async throws(Failure) -> Value {
    try await readers.run { pool in
      do {
        return (.kept, .success(try body(pool)))
      } catch {
        return (.kept, .failure(Failure(sqlite: error, isReadOnly: false)))
      }
    }
  }

  func close() async {
    // The file alone is whole then, for whoever copies it while Apus is stopped.
    _ = try? await writer.run { pool in
      do {
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        return (.kept, .success(()))
      } catch {
        return (.kept, .failure(Failure(sqlite: error, isReadOnly: false)))
      }
    }
    await writer.close()
    await readers.close()
    await withCheckedContinuation { done in
      // It waits for the disk.
      DispatchQueue.global().async {
        self.closePool()
        done.resume()
      }
    }
  }

  private func closePool() {
    do {
      try pool.close()
    } catch {
      ledger.logger.warning("closing the database", metadata: ["problem": "\(error)"])
    }
  }
}
