import Foundation
import Glibc
import Kernel
import Logging

/// A PostgreSQL server, reached over connections that each live on a thread of their own.
final class PostgresBackend: Sendable {
  enum Mode: Sendable {
    case read
    case write
    /// Writes, and takes as long as it takes.
    case migrate
  }

  /// How often a transaction is begun that collides with others: once, and three times again.
  private static let attempts = 4

  /// How much longer than a statement a transaction may do nothing.
  private static let idleMilliseconds = 60_000

  private let workers: Workers<PostgresConnection>
  private let statementTimeout: Duration
  private let ledger: DatabaseLedger

  init(url: Secret, _ configuration: DatabaseConfiguration, ledger: DatabaseLedger) throws(Failure) {
    let options = try PostgresOptions(url: url, environment: ProcessInfo.processInfo.environment)
    let settings = Self.settings(statementTimeout: configuration.statementTimeout)
    workers = Workers(
      "postgres", limits: WorkerLimits(count: configuration.maxConnections, wait: configuration.waitTimeout),
      figures: ledger.figures,
      open: { () throws(Failure) in
        do throws(PostgresConnection.Problem) {
          return try PostgresConnection(options, settings: settings)
        } catch {
          throw error.failure(isReadOnly: false)
        }
      },
      close: { $0.close() })
    statementTimeout = configuration.statementTimeout
    self.ledger = ledger
  }

  /// What each connection says first. A transaction of a machine that is gone must not hold its locks for hours.
  private static func settings(statementTimeout: Duration) -> String {
    let most = Double(Int32.max) - Double(idleMilliseconds)
    let limit = Int(min(max(1, statementTimeout.inSeconds * 1000), most))
    return """
      SET statement_timeout = \(limit);
      SET idle_in_transaction_session_timeout = \(limit + idleMilliseconds);
      SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
      SET bytea_output = hex; SET client_min_messages = error
      """
  }

  func run<Value: Sendable>(
    _ mode: Mode, _ body: @escaping @Sendable (Transaction) throws -> Value
  ) async throws(Failure) -> Value {
    try await workers.run { [statementTimeout, ledger] connection in
      var attempt = 1
      while true {
        let session = PostgresSession(connection, mode: mode, statementTimeout: statementTimeout)
        let (ending, value) = session.transact(TransactionRecord(ledger), body)
        guard case .collided = ending, attempt < Self.attempts, !connection.isClosed else {
          return (Self.fate(of: connection, after: ending), Self.result(ending, value))
        }
        attempt += 1
        // So that those that met do not meet again: up to 50 ms, on a thread that is the connection's.
        usleep(.random(in: 5_000...50_000))
      }
    }
  }

  private static func fate(
    of connection: PostgresConnection, after ending: PostgresSession.Ending
  ) -> Workers<PostgresConnection>.Fate {
    if case .stale = ending { return .stale }
    return connection.isClosed ? .broken : .kept
  }

  private static func result<Value>(_ ending: PostgresSession.Ending, _ value: Value?) -> Result<Value, Failure> {
    switch (ending, value) {
    case (.done, let value?): .success(value)
    case (.done, nil): .failure(.misuse("a transaction ended without a value"))
    case (.stale(let failure), _), (.failed(let failure), _), (.collided(let failure), _): .failure(failure)
    }
  }

  func close() async {
    await workers.close()
  }
}
