import Foundation
import Kernel
import Logging
import Store
import Synchronization
import TestKit
import Testing

@Suite("PostgreSQL: connections, and what becomes of them", .timeLimit(.minutes(2)))
struct DatabasePostgresStoreTests {
  private func database(_ url: String, _ change: (inout DatabaseConfiguration) -> Void = { _ in }) throws -> Database {
    var configuration = DatabaseConfiguration(.postgres(url: Secret(url)))
    change(&configuration)
    return try Database(configuration, logger: LogRecorder().logger)
  }

  /// The server under another name, so that its connections can be counted.
  private func server(named name: String) throws -> String {
    let server = try DatabaseStand.server()
    return server + (server.contains("?") ? "&" : "?") + "application_name=\(name)"
  }

  private func failure<Value: Sendable>(of body: () async throws -> Value) async -> Failure? {
    await #expect(throws: Failure.self) { _ = try await body() }
  }

  @Test("A thousand at once are served over twenty connections")
  func bounded() async throws {
    let database = try database(server(named: "crowd"))
    let watcher = try self.database(DatabaseStand.server())
    let most = Mutex(Int64(0))
    try await withThrowingTaskGroup { group in
      for number in 0..<1000 {
        group.addTask { try await database.read { _ = try $0.query("SELECT COUNT(*) FROM generate_series(1, 20000)") } }
        guard number % 50 == 49 else { continue }
        let open = try await watcher.read {
          try $0.query("SELECT COUNT(*) AS c FROM pg_stat_activity WHERE application_name = 'crowd'").first?.integer(
            "c")
        }
        most.withLock { $0 = max($0, open ?? 0) }
      }
      try await group.waitForAll()
    }
    #expect(most.withLock { $0 } > 1)
    #expect(most.withLock { $0 } <= 20)
    #expect(database.figures.open.value <= 20)
    #expect(database.figures.waitSeconds.snapshot.counts.reduce(0, +) == 1000)
    await database.close()
    await watcher.close()
    #expect(database.figures.open.value == 0)
  }

  @Test("Who waits too long for a connection is told that there is none, and the next is served")
  func waiting() async throws {
    let database = try database(DatabaseStand.server()) {
      $0.maxConnections = 1
      $0.waitTimeout = .milliseconds(50)
    }
    let began = Gate()
    let done = Latch()
    async let first: Void = database.read { _ in
      began.open()
      try done.wait()
    }
    try await began.pass()
    let late = await failure { try await database.read { _ in } }
    #expect(late?.reason == "database_unavailable")
    #expect(late?.retryAfter == .seconds(1))
    #expect(late?.cause == "no connection became free in time")
    done.open()
    try await first
    try await database.read { _ in }
    #expect(database.status.isWorking)
    await database.close()
  }

  @Test("A connection that the server closed is replaced before anything is asked on it")
  func idleKilled() async throws {
    let database = try database(server(named: "idle")) { $0.maxConnections = 1 }
    let other = try self.database(DatabaseStand.server())
    let before = try await backend(of: database)
    try await terminate(before, through: other)
    let after = try await backend(of: database)
    #expect(after != before)
    #expect(database.figures.failures.with("unavailable").value == 0)
    await database.close()
    await other.close()
  }

  @Test("A connection that breaks in the middle fails its transaction, and nothing of it stays")
  func killedInside() async throws {
    let stand = try await DatabaseStand(.postgres)
    let other = try database(DatabaseStand.server())
    try await stand.open { database in
      try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
      let lost = await failure {
        try await database.write { transaction in
          try transaction.execute("INSERT INTO things VALUES (1)")
          try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        }
      }
      #expect(lost?.reason == "database_unavailable")
      #expect(!database.status.isWorking)
      let count = try await database.read { try $0.query("SELECT COUNT(*) AS c FROM things").first?.integer("c") }
      #expect(count == 0)
      #expect(!database.status.isWorking, "a read says nothing about writing")
      try await database.write { try $0.execute("INSERT INTO things VALUES (1)") }
      #expect(database.status.isWorking)
    }
    await other.close()
  }

  @Test("A connection that breaks during the commit leaves the outcome open, and says so")
  func killedAtCommit() async throws {
    let stand = try await DatabaseStand(.postgres)
    try await stand.open { database in
      // What is deferred runs inside the commit.
      try await database.write { transaction in
        try transaction.execute("CREATE TABLE things (id BIGINT)")
        try transaction.execute(
          """
          CREATE FUNCTION end_it() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'
          """)
        try transaction.execute(
          """
          CREATE CONSTRAINT TRIGGER end_it AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION end_it()
          """)
      }
      let unknown = await failure { try await database.write { try $0.execute("INSERT INTO things VALUES (1)") } }
      #expect(unknown?.code == .unavailable)
      #expect(unknown?.reason == "database_outcome_unknown")
      #expect(database.figures.failures.with("outcome_unknown").value == 1)
      try await database.read { _ = try $0.query("SELECT id FROM things") }
    }
  }

  @Test("Two that wait for each other both come through: one of them is begun again")
  func deadlock() async throws {
    let stand = try await DatabaseStand(.postgres)
    try await stand.open { database in
      try await database.write { transaction in
        try transaction.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, count BIGINT)")
        try transaction.execute("INSERT INTO counters VALUES ('a', 0), ('b', 0)")
      }
      let calls = Watched(0)
      let meeting = [Latch(), Latch()]
      try await withThrowingTaskGroup { group in
        for side in 0...1 {
          group.addTask {
            let attempt = Watched(0)
            try await database.write { transaction in
              calls.change { $0 += 1 }
              let isFirst = attempt.change { attempt in
                attempt += 1
                return attempt == 1
              }
              let names: [DatabaseValue] = side == 0 ? ["a", "b"] : ["b", "a"]
              let sql = "UPDATE counters SET count = count + 1 WHERE name = $1"
              try transaction.execute(sql, [names[0]])
              if isFirst {
                meeting[side].open()
                try meeting[1 - side].wait()
              }
              try transaction.execute(sql, [names[1]])
            }
          }
        }
        try await group.waitForAll()
      }
      #expect((3...5).contains(calls.value), "once each, and again by whoever lost")
      let counts = try await database.read {
        try $0.query("SELECT count FROM counters").map { try $0.integer("count") }
      }
      #expect(counts == [2, 2])
    }
  }

  @Test("A statement whose columns have changed is prepared anew")
  func changedSchema() async throws {
    let stand = try await DatabaseStand(.postgres) { $0.maxConnections = 1 }
    try await stand.open { database in
      try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
      let before = try await database.read { try $0.query("SELECT * FROM things") }
      #expect(before.isEmpty)
      let other = try Database(stand.configuration, logger: stand.log.logger)
      try await other.write { transaction in
        try transaction.execute("ALTER TABLE things ADD COLUMN name TEXT")
        try transaction.execute("INSERT INTO things VALUES (1, 'one')")
      }
      await other.close()
      let after = try await database.read { try $0.query("SELECT * FROM things") }
      #expect(after.first?.columns == ["id", "name"])
    }
  }

  @Test("More statements than are kept prepared all work")
  func manyStatements() async throws {
    let database = try database(DatabaseStand.server()) { $0.maxConnections = 1 }
    for number in 0..<600 {
      let value = try await database.read {
        try $0.query("SELECT CAST($1 AS BIGINT) + \(number) AS n", [1]).first?.integer("n")
      }
      #expect(value == Int64(number + 1))
    }
    await database.close()
  }

  @Test("A server that hangs costs a transaction its time and the connection, and no more")
  func hanging() async throws {
    let database = try database(DatabaseStand.server()) { $0.statementTimeout = .milliseconds(100) }
    let stopped = Watched(pid_t(0))
    defer { kill(stopped.value, SIGCONT) }
    let begin = ContinuousClock.now
    let hung = await failure {
      try await database.read { transaction in
        let process = try #require(try transaction.query("SELECT pg_backend_pid() AS p").first?.integer("p"))
        stopped.change { $0 = pid_t(process) }
        try #require(kill(pid_t(process), SIGSTOP) == 0)
        _ = try transaction.query("SELECT 1")
      }
    }
    #expect(hung?.reason == "database_unavailable")
    #expect(begin.duration(to: .now) < .seconds(6))
    let other = try await backend(of: database)
    #expect(pid_t(other) != stopped.value)
    await database.close()
  }

  @Test("A connection that died without a word costs two seconds, and its transaction is served on another")
  func silent() async throws {
    let database = try database(DatabaseStand.server()) { $0.maxConnections = 1 }
    let process = try await backend(of: database)
    try #require(kill(pid_t(process), SIGSTOP) == 0)
    defer { kill(pid_t(process), SIGCONT) }
    let begin = ContinuousClock.now
    let other = try await backend(of: database)
    #expect(other != process)
    #expect((.seconds(2)...(.seconds(6))).contains(begin.duration(to: .now)))
    #expect(database.status.isWorking)
    await database.close()
  }

  @Test("A copy is refused instead of being waited for")
  func copy() async throws {
    let stand = try await DatabaseStand(.postgres)
    try await stand.open { database in
      try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
      let refused = await failure { try await database.write { try $0.execute("COPY things FROM STDIN") } }
      #expect(refused?.cause?.contains("COPY") == true)
      try await database.read { _ = try $0.query("SELECT id FROM things") }
    }
  }

  @Test("Who may not change the schema may still start, when nothing is missing")
  func ordinaryRole() async throws {
    let stand = try await DatabaseStand(.postgres)
    let steps = [Migration("things 1", both: ["CREATE TABLE things (id BIGINT)"])]
    let role = "role_" + UUID().uuidString.lowercased().replacing("-", with: "")
    try await stand.open { database in
      _ = try await database.migrate(steps)
      try await database.write { transaction in
        let schema = try transaction.query("SELECT current_schema() AS s").first?.text("s") ?? ""
        try transaction.execute("CREATE ROLE \(role)")
        try transaction.execute("GRANT USAGE ON SCHEMA \(schema) TO \(role)")
        try transaction.execute("GRANT SELECT ON ALL TABLES IN SCHEMA \(schema) TO \(role)")
      }
    }
    guard case .postgres(let url) = stand.configuration.location else { return _ = Issue.record("no PostgreSQL") }
    let ordinary = try database(url.reveal() + "%20-crole%3D\(role)")
    let applied = try await ordinary.migrate(steps)
    #expect(applied.isEmpty)
    await #expect(throws: Failure.self) {
      try await ordinary.migrate(steps + [Migration("things 2", both: ["CREATE TABLE others (id BIGINT)"])])
    }
    await ordinary.close()
    try await stand.open { database in
      try await database.write { transaction in
        try transaction.execute("DROP OWNED BY \(role)")
        try transaction.execute("DROP ROLE \(role)")
      }
    }
  }

  @Test("A server that is stopped is told at once, and found again when it is back; what was acknowledged is there")
  func restart() async throws {
    let server = try PostgresServer()
    let database = try database(server.url)
    try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
    try await database.write { try $0.execute("INSERT INTO things VALUES (1)") }
    try server.stop()
    let begin = ContinuousClock.now
    for _ in 0..<100 {
      let refused = await failure { try await database.write { try $0.execute("INSERT INTO things VALUES (2)") } }
      #expect(refused?.reason == "database_unavailable")
    }
    #expect(begin.duration(to: .now) < .seconds(2))
    #expect(!database.status.isWorking)
    #expect(database.status.problem?.isEmpty == false)
    try server.start()
    // One attempt a second at least is made, by whoever asks then.
    let deadline = ContinuousClock.now + .seconds(10)
    var count: Int64?
    while count == nil, .now < deadline {
      // Refused until the pause between two attempts is over.
      count = try? await database.read { try $0.query("SELECT COUNT(*) AS c FROM things").first?.integer("c") }
    }
    #expect(count == 1)
    try await database.write { try $0.execute("INSERT INTO things VALUES (3)") }
    #expect(database.status.isWorking)
    await database.close()
  }

  @Test(
    "No message, no cause and no log shows a password or a value",
    arguments: [
      "postgres://apus:hunter2hunter2@127.0.0.1:1/x", "postgres://hunter2hunter2@[::1/x",
      "postgres://a:%zzhunter2hunter2@b/x",
      "postgres://apus:hunter2hunter2@127.0.0.1/x?nonsense=1", "postgres://apus:hunter2hunter2@127.0.0.1:port/x",
    ])
  func secrets(url: String) async throws {
    let log = LogRecorder()
    let shown: Failure?
    do throws(Failure) {
      let database = try Database(DatabaseConfiguration(.postgres(url: Secret(url))), logger: log.logger)
      shown = await failure { try await database.read { _ in } }
    } catch {
      shown = error
    }
    let found = try #require(shown)
    #expect(!"\(found) \(log.text)".contains("hunter2"))
    #expect(!found.message.isEmpty)
  }

  @Test("A wrong password is told in the log, and is not in it")
  func wrongPassword() async throws {
    let server = try #require(URLComponents(string: DatabaseStand.server()))
    var wrong = server
    wrong.password = "hunter2hunter2"
    let log = LogRecorder()
    let url = try #require(wrong.string)
    let database = try Database(DatabaseConfiguration(.postgres(url: Secret(url))), logger: log.logger)
    let refused = await failure { try await database.read { _ in } }
    #expect(refused?.cause?.contains("password authentication failed") == true)
    #expect(!"\(refused.debugDescription) \(log.text)".contains("hunter2"))
    await database.close()
  }

  @Test("What a statement is given stays out of causes and logs")
  func values() async throws {
    let stand = try await DatabaseStand(.postgres)
    try await stand.open { database in
      try await database.write { try $0.execute("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT UNIQUE)") }
      try await database.write { try $0.execute("INSERT INTO things VALUES (1, 'confidential')") }
      for (sql, value): (String, DatabaseValue) in [
        ("INSERT INTO things VALUES (2, $1)", "confidential"), ("SELECT CAST($1 AS BIGINT)", "confidential"),
        ("INSERT INTO things (id) VALUES ($1)", "confidential"),
      ] {
        let refused = await failure { try await database.write { try $0.execute(sql, [value]) } }
        #expect(!"\(refused.debugDescription) \(stand.log.text)".contains("confidential"), "\(sql)")
      }
    }
  }

  @Test("A copy is pg_dump's to make")
  func backup() async throws {
    let database = try database(DatabaseStand.server())
    let refused = await failure { try await database.backup(to: "/nowhere") }
    #expect(refused?.message.contains("pg_dump") == true)
    await database.close()
  }

  private func backend(of database: Database) async throws -> Int64 {
    let found = try await database.read { try $0.query("SELECT pg_backend_pid() AS p").first?.integer("p") }
    return try #require(found)
  }

  private func terminate(_ process: Int64, through database: Database) async throws {
    // Waits for the end: the second value is its limit, in milliseconds.
    let ended = try await database.read {
      try $0.query("SELECT pg_terminate_backend(CAST($1 AS INTEGER), 5000) AS e", [.integer(process)]).first?.flag("e")
    }
    #expect(ended == true)
  }
}
