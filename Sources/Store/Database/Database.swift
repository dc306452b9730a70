package import Kernel
package import Logging
import ServiceLifecycle

/// What Apus remembers: a file of SQLite's or a PostgreSQL server, asked in the same words.
///
/// Closures run on threads of the database's own, where they may block, and where they should do nothing but ask: each
/// holds a connection while it runs. Cancelling a task changes nothing about the transaction that it waits for.
package final class Database: Service, Sendable {
  enum Backend {
    case sqlite(SQLiteBackend)
    case postgres(PostgresBackend)
  }

  let backend: Backend
  let ledger: DatabaseLedger

  /// Opens a file of SQLite's, or gets ready to connect to a server, which it does when it is first asked.
  ///
  /// Without `isMade`, a file that is not there is a failure: who only looks at a database makes none by a wrong path.
  ///
  /// - Throws: `unavailable` when the file cannot be used or libpq is not installed, `invalidRequest` for an URL that
  ///   libpq does not understand. The messages are for the person who configures Apus.
  package init(_ configuration: DatabaseConfiguration, isMade: Bool = true, logger: Logger) throws(Failure) {
    ledger = DatabaseLedger(slowQuery: configuration.slowQuery, logger: logger)
    backend =
      switch configuration.location {
      case .sqlite(let path): .sqlite(try SQLiteBackend(path: path, isMade: isMade, configuration, ledger: ledger))
      case .postgres(let url): .postgres(try PostgresBackend(url: url, configuration, ledger: ledger))
      }
  }

  /// What is counted about it.
  package var figures: DatabaseFigures { ledger.figures }

  /// How it is, by what the last transactions saw: asking costs nothing and touches no database.
  package var status: (name: String, isWorking: Bool, problem: String?) {
    let name =
      switch backend {
      case .sqlite: "database:sqlite"
      case .postgres: "database:postgres"
      }
    let problem = ledger.problem
    return (name, problem == nil, problem)
  }

  /// Asks without changing anything; all statements see the database as it was at the first.
  ///
  /// - Throws: `unavailable` and what `body` throws; anything but a `Failure` becomes an internal error.
  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    try await noted(isWrite: false) { () throws(Failure) in
      switch backend {
      case .sqlite(let sqlite): try await sqlite.read(body)
      case .postgres(let postgres): try await postgres.run(.read, body)
      }
    }
  }

  /// Changes something, and returns when the commit was acknowledged; nothing is changed when `body` throws.
  ///
  /// `body` may be called again, seven times at most, when PostgreSQL finds that it cannot go together with another
  /// transaction, or that its connection is of no use: it has no effects but its statements.
  ///
  /// - Throws: `unavailable` (with the reason `database_outcome_unknown` when the connection broke during the commit)
  ///   and what `body` throws; anything but a `Failure` becomes an internal error.
  @discardableResult
  package func write<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    try await write(isLimited: true, body)
  }

  /// The same, with or without the limit on the time of a statement.
  @discardableResult
  func write<Value: Sendable>(
    isLimited: Bool, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    try await noted(isWrite: true) { () throws(Failure) in
      switch backend {
      case .sqlite(let sqlite): try await sqlite.write(isLimited: isLimited, body)
      case .postgres(let postgres): try await postgres.run(isLimited ? .write : .migrate, body)
      }
    }
  }

  private func noted<Value: Sendable>(
    isWrite: Bool, _ body: () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    do throws(Failure) {
      let value = try await body()
      ledger.noteEnd(nil, isWrite: isWrite)
      return value
    } catch {
      ledger.noteEnd(error, isWrite: isWrite)
      throw error
    }
  }

  /// Takes no more transactions, waits for those that run, and closes all connections.
  package func close() async {
    switch backend {
    case .sqlite(let sqlite): await sqlite.close()
    case .postgres(let postgres): await postgres.close()
    }
  }

  package func run() async throws {
    // Thrown when the task is cancelled instead: a reason to close as well.
    try? await gracefulShutdown()
    await close()
  }
}
