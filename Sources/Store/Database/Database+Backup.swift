package import Kernel

extension Database {
  /// Writes a copy of an SQLite database as it is at one moment, while others write; the copy is one whole file, mode
  /// 0600, and there under its name only once it is on the disk.
  ///
  /// - Throws: `conflict` when there is a file of that name, `invalidRequest` for PostgreSQL, which has `pg_dump`,
  ///   `unavailable` when it cannot be written. The messages are for the person who asked for the copy.
  package func backup(to path: String) async throws(Failure) {
    guard case .sqlite(let sqlite) = backend else {
      throw Failure(.invalidRequest, reason: "use_pg_dump", "This database is PostgreSQL: back it up with pg_dump.")
    }
    try await sqlite.onReader { pool in try SQLiteBackup(path: path).write(from: pool) }
  }
}
