import Kernel
import Store
import Synchronization
import TestKit
import Testing

@Suite("A transaction happens whole or not at all", .timeLimit(.minutes(1)))
struct DatabaseTransactionStoreTests {
  private struct Refusal: Error {}

  private func with(
    _ place: Place, _ change: (inout DatabaseConfiguration) -> Void = { _ in },
    _ body: (Database, LogRecorder) async throws -> Void
  ) async throws {
    let stand = try await DatabaseStand(place, change)
    try await stand.open { database in
      try await database.write { transaction in
        try transaction.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, count BIGINT NOT NULL)")
        try transaction.execute("INSERT INTO counters VALUES ('a', 0)")
      }
      try await body(database, stand.log)
    }
  }

  private func count(_ name: String, in database: Database) async throws -> Int64? {
    try await database.read {
      try $0.query("SELECT count FROM counters WHERE name = $1", [.text(name)]).first?.integer("count")
    }
  }

  private func expect(
    count expected: Int64?, of name: String, in database: Database, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await count(name, in: database)
    #expect(found == expected, sourceLocation: sourceLocation)
  }

  @Test("Nothing is left of one whose closure throws", arguments: Place.allCases)
  func rollback(place: Place) async throws {
    try await with(place) { database, _ in
      let failure = await #expect(throws: Failure.self) {
        try await database.write { transaction in
          try transaction.execute("UPDATE counters SET count = 9")
          try transaction.execute("INSERT INTO counters VALUES ('b', 1)")
          throw Refusal()
        }
      }
      #expect(failure?.code == .internalError)
      try await expect(count: 0, of: "a", in: database)
      try await expect(count: nil, of: "b", in: database)
    }
  }

  @Test("A failure of the closure's own arrives as it is", arguments: Place.allCases)
  func ownFailure(place: Place) async throws {
    try await with(place) { database, _ in
      let failure = await #expect(throws: Failure.self) {
        try await database.write { _ in throw Failure(.notFound, reason: "key_not_found", "There is no such key.") }
      }
      #expect(failure?.reason == "key_not_found")
      #expect(database.status.isWorking)
    }
  }

  @Test(
    "A second row where only one may be is a conflict, and the rest of its transaction is gone",
    arguments: Place.allCases)
  func conflict(place: Place) async throws {
    try await with(place) { database, log in
      let failure = await #expect(throws: Failure.self) {
        try await database.write { transaction in
          try transaction.execute("INSERT INTO counters VALUES ('first', 1)")
          try transaction.execute("INSERT INTO counters VALUES ($1, 1)", ["a"])
        }
      }
      #expect(failure?.code == .conflict)
      #expect(failure?.reason == "conflict")
      try await expect(count: nil, of: "first", in: database)
      #expect(database.figures.failures.with("conflict").value == 1)
      #expect(database.status.isWorking)
    }
  }

  @Test("A failure that the closure catches still undoes everything", arguments: Place.allCases)
  func caught(place: Place) async throws {
    try await with(place) { database, _ in
      let failure = await #expect(throws: Failure.self) {
        try await database.write { transaction in
          try transaction.execute("UPDATE counters SET count = 9")
          do throws(Failure) {
            try transaction.execute("INSERT INTO counters VALUES ('a', 1)")
          } catch {
            #expect(error.code == .conflict)
          }
        }
      }
      #expect(failure?.code == .conflict)
      try await expect(count: 0, of: "a", in: database)
    }
  }

  @Test(
    "A wrong statement, a missing or surplus value, or two statements in one are ours to mend",
    arguments: Place.allCases)
  func misuse(place: Place) async throws {
    let statements: [(String, [DatabaseValue])] = [
      ("SELEC 1", []), ("SELECT * FROM nowhere", []), ("UPDATE counters SET count = NULL", []),
      ("SELECT count FROM counters WHERE name = $1", []), ("SELECT count FROM counters", [1]),
      ("DELETE FROM counters; DELETE FROM counters", []),
    ]
    try await with(place) { database, _ in
      for (sql, values) in statements {
        let failure = await #expect(throws: Failure.self, "\(sql)") {
          try await database.write { try $0.execute(sql, values) }
        }
        #expect(failure?.code == .internalError, "\(sql)")
        #expect(failure?.cause?.isEmpty == false, "\(sql)")
      }
      try await expect(count: 0, of: "a", in: database)
    }
  }

  @Test("A read cannot write", arguments: Place.allCases)
  func readOnly(place: Place) async throws {
    try await with(place) { database, _ in
      let failure = await #expect(throws: Failure.self) {
        try await database.read { try $0.execute("UPDATE counters SET count = 9") }
      }
      #expect(failure?.code == .internalError)
      try await expect(count: 0, of: "a", in: database)
    }
  }

  @Test("A read sees one moment, whatever is committed meanwhile", arguments: Place.allCases)
  func isolation(place: Place) async throws {
    try await with(place) { database, _ in
      let began = Gate()
      let written = Latch()
      async let seen = database.read { transaction in
        let before = try transaction.query("SELECT count FROM counters").first?.integer("count")
        began.open()
        try written.wait()
        return [before, try transaction.query("SELECT count FROM counters").first?.integer("count")]
      }
      try await began.pass()
      try await database.write { try $0.execute("UPDATE counters SET count = 5") }
      written.open()
      #expect(try await seen == [0, 0])
      try await expect(count: 5, of: "a", in: database)
    }
  }

  @Test("Nobody sees what is not committed", arguments: Place.allCases)
  func uncommitted(place: Place) async throws {
    try await with(place) { database, _ in
      let began = Gate()
      let seen = Latch()
      async let written: Int = database.write { transaction in
        let changed = try transaction.execute("UPDATE counters SET count = 5")
        began.open()
        try seen.wait()
        return changed
      }
      try await began.pass()
      try await expect(count: 0, of: "a", in: database)
      seen.open()
      #expect(try await written == 1)
      try await expect(count: 5, of: "a", in: database)
    }
  }

  @Test("Two hundred at once lose nothing", arguments: Place.allCases)
  func increments(place: Place) async throws {
    try await with(place) { database, _ in
      try await withThrowingTaskGroup { group in
        for _ in 0..<200 {
          group.addTask {
            try await database.write { transaction in
              let count = try transaction.query("SELECT count FROM counters WHERE name = 'a'" + Self.lock(transaction))
              let next = try (count.first?.integer("count") ?? 0) + 1
              try transaction.execute("UPDATE counters SET count = $1 WHERE name = 'a'", [.integer(next)])
            }
          }
        }
        try await group.waitForAll()
      }
      try await expect(count: 200, of: "a", in: database)
      #expect(database.figures.waiting.value == 0)
      #expect(database.figures.busy.value == 0)
    }
  }

  /// SQLite has one writer at a time; PostgreSQL locks the row.
  private static func lock(_ transaction: Transaction) -> String {
    transaction.dialect == .sqlite ? "" : " FOR UPDATE"
  }

  @Test("A statement that takes too long is stopped, and the next one works", arguments: Place.allCases)
  func slow(place: Place) async throws {
    try await with(place, { $0.statementTimeout = .milliseconds(200) }) { database, log in
      let endless = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT COUNT(*) FROM n
        """
      for isWrite in [false, true] {
        let begin = ContinuousClock.now
        let failure = await #expect(throws: Failure.self) {
          if isWrite {
            try await database.write { try $0.execute("UPDATE counters SET count = (\(endless))") }
          } else {
            _ = try await database.read { try $0.query(endless) }
          }
        }
        #expect(failure?.code == .unavailable)
        #expect(failure?.reason == "database_timeout")
        #expect(begin.duration(to: .now) < .seconds(5))
      }
      try await expect(count: 0, of: "a", in: database)
      #expect(database.status.isWorking)
    }
  }

  @Test("A slow statement is counted, and logged without its values", arguments: Place.allCases)
  func slowQuery(place: Place) async throws {
    try await with(place, { $0.slowQuery = .zero }) { database, log in
      let before = database.figures.slowQueries.value
      _ = try await database.read { try $0.query("SELECT count FROM counters WHERE name = $1", ["confidential"]) }
      #expect(database.figures.slowQueries.value == before + 1)
      #expect(log.text.contains("SELECT count FROM counters WHERE name = $1"))
      #expect(!log.text.contains("confidential"))
    }
  }

  @Test("A task that is cancelled breaks no transaction", arguments: Place.allCases)
  func cancelled(place: Place) async throws {
    try await with(place) { database, _ in
      let began = Gate()
      let cancelled = Latch()
      let task = Task {
        try await database.write { transaction in
          try transaction.execute("UPDATE counters SET count = 1")
          began.open()
          try cancelled.wait()
          try transaction.execute("UPDATE counters SET count = count + 1")
        }
      }
      try await began.pass()
      task.cancel()
      cancelled.open()
      try await task.value
      try await expect(count: 2, of: "a", in: database)
    }
  }

  @Test("A database that was closed says that it cannot be used", arguments: Place.allCases)
  func closed(place: Place) async throws {
    try await with(place) { database, _ in
      await database.close()
      let failure = await #expect(throws: Failure.self) { try await self.count("a", in: database) }
      #expect(failure?.reason == "database_unavailable")
      #expect(!database.status.isWorking)
      #expect(database.figures.open.value == 0)
    }
  }
}
