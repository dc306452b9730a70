import Kernel

/// A PostgreSQL server, reached over connections that each live on a thread of their own.
final class PostgresBackend: Sendable {
  enum Mode: Sendable { case read, write, migrate }

  init(url: Secret, _ configuration: DatabaseConfiguration, ledger: DatabaseLedger) throws(Failure) {
    throw .databaseUnavailable("PostgreSQL")
  }

  func run<Value: Sendable>(
    _ mode: Mode, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    throw .databaseUnavailable("PostgreSQL")
  }

  func close() async {}
}

final class PostgresSession {
  func run(_ sql: String, _ values: [DatabaseValue]) throws(Failure) -> StatementResult { StatementResult() }
}
