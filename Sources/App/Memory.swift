import Accounts
import Kernel
import Logging
import NIOCore
import Store
import Web

/// What Apus remembers, opened as the configuration says.
struct Memory: Sendable {
  /// The tables of every feature, in the order of their making.
  static let migrations = AccountsMigrations.all

  let database: Database
  let shared: SharedMemory

  /// Opens the database, and makes it where it may (`isMade`); the shared memory is connected once its service runs.
  init(
    _ configuration: Configuration, isMade: Bool = true, group: any EventLoopGroup, logger: Logger
  ) throws(Failure) {
    database = try Database(configuration.database, isMade: isMade, logger: logger)
    shared = SharedMemory(configuration.shared, group: group, logger: logger)
  }

  /// Brings the tables up to date, and says what was done.
  func migrate(_ logger: Logger) async throws(Failure) {
    for name in try await database.migrate(Self.migrations) {
      logger.info("migrated", metadata: ["migration": "\(name)"])
    }
  }

  /// Both as `/health/ready` shows them. Without them much still goes on: a replica that is taken out of service for
  /// that would only make it worse.
  var healthParts: [HealthPart] {
    [database.status, shared.status].map { name, isWorking, _ in
      HealthPart(
        name: name, status: isWorking ? .pass : .warn, observed: isWorking ? "working" : "degraded",
        // Anybody may ask: where it stands, and what it says, is for the log.
        output: isWorking ? nil : "It cannot be used just now; the log says why.")
    }
  }
}

/// What database, shared memory and accounts count, for `/metrics`.
enum StoreFigures {
  static func write(_ memory: Memory, _ accounts: Accounts, to text: inout Exposition) {
    let database = memory.database.figures
    text.add(gauge: "apus_database_connections", "Connections to the database.", database.open.value)
    text.add(gauge: "apus_database_connections_busy", "Those that serve a transaction.", database.busy.value)
    text.add(gauge: "apus_database_waiting", "Transactions that wait for a connection.", database.waiting.value)
    text.add(
      histogram: "apus_database_wait_seconds", "How long transactions waited for a connection.", database.waitSeconds)
    text.add(histogram: "apus_database_query_seconds", "How long statements took.", database.querySeconds)
    text.add(
      counter: "apus_database_slow_queries_total", "Statements beyond database.slow_query.", database.slowQueries.value)
    text.add(database.failures)
    let shared = memory.shared.figures
    text.add(shared.commands)
    text.add(shared.seconds)
    text.add(gauge: "apus_shared_memory_connections", "Connections to the shared memory.", shared.connections.value)
    text.add(
      counter: "apus_shared_memory_reconnects_total", "Connections that stood again.", shared.reconnects.value)
    text.add(accounts.lookups)
  }
}
