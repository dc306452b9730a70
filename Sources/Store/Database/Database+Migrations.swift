package import Kernel

extension Database {
  /// Applies what is missing, in the order given, and returns the names of what was applied by this call.
  ///
  /// Each step commits together with its row in `apus_migrations`, under a lock that other processes wait for: when two
  /// start at once, one of them applies it. What other releases have applied stays.
  ///
  /// - Throws: the first step's failure that cannot be applied; steps before it stay, of that one nothing does.
  package func migrate(_ all: [Migration]) async throws(Failure) -> [String] {
    // Only what is missing needs rights to change the schema, and the lock.
    let missing = try await pending(all)
    var applied: [String] = []
    for migration in all where missing.contains(migration.name) {
      let isNew = try await write(isLimited: false) { transaction in try migration.apply(in: transaction) }
      if isNew { applied.append(migration.name) }
    }
    return applied
  }

  /// The names of what `migrate` would apply; changes nothing.
  package func pending(_ all: [Migration]) async throws(Failure) -> [String] {
    try Self.check(all)
    let applied = try await read { transaction in try Migration.applied(in: transaction) }
    return all.map(\.name).filter { !applied.contains($0) }
  }

  private static func check(_ all: [Migration]) throws(Failure) {
    guard Set(all.map(\.name)).count == all.count else { throw .misuse("two migrations have the same name") }
  }
}

extension Migration {
  /// "apus" in ASCII: the number of the lock under which PostgreSQL's schema is changed.
  private static let lock: Int64 = 0x6170_7573

  /// Applies it unless it is there already; false when it was.
  fileprivate func apply(in transaction: Transaction) throws(Failure) -> Bool {
    if transaction.dialect == .postgres {
      try transaction.execute("SELECT pg_advisory_xact_lock($1)", [.integer(Self.lock)])
    }
    try transaction.execute(
      """
      CREATE TABLE IF NOT EXISTS apus_migrations (
        name TEXT PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)
      """
    )
    guard try !Self.applied(in: transaction).contains(name) else { return false }
    for statement in transaction.dialect == .sqlite ? sqlite : postgres { try transaction.execute(statement) }
    try transaction.execute("INSERT INTO apus_migrations (name) VALUES ($1)", [.text(name)])
    return true
  }

  /// The names of all that was applied; none when there is no table of them yet.
  fileprivate static func applied(in transaction: Transaction) throws(Failure) -> Set<String> {
    let table =
      switch transaction.dialect {
      case .sqlite: "SELECT name FROM sqlite_master WHERE name = 'apus_migrations'"
      case .postgres: "SELECT to_regclass('apus_migrations') AS name WHERE to_regclass('apus_migrations') IS NOT NULL"
      }
    guard try !transaction.query(table).isEmpty else { return [] }
    var names: Set<String> = []
    for row in try transaction.query("SELECT name FROM apus_migrations") { names.insert(try row.text("name")) }
    return names
  }
}
