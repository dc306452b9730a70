import Foundation
import GRDB
import Kernel
import Store
import TestKit
import Testing

@Suite("SQLite: the file, its modes, its copy", .timeLimit(.minutes(1)))
struct DatabaseSQLiteStoreTests {
  private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  private func database(_ path: String, _ change: (inout DatabaseConfiguration) -> Void = { _ in }) throws
    -> Store.Database
  {
    var configuration = DatabaseConfiguration(.sqlite(path: path))
    change(&configuration)
    return try Store.Database(configuration, logger: LogRecorder().logger)
  }

  @Test("Nobody else may read the file, its journal or the folders made for it")
  func modes() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a/b/apus.db"
    let database = try database(path)
    try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
    for file in ["", "-wal", "-shm"] { #expect(try mode(path + file) == 0o600) }
    for part in ["/a", "/a/b"] { #expect(try mode(folder.path + part) == 0o700) }
    await database.close()
  }

  @Test(
    "The modes are those that were asked for",
    arguments: [(DatabaseConfiguration.Synchronous.full, Int64(2)), (.normal, 1)])
  func synchronous(mode: DatabaseConfiguration.Synchronous, number: Int64) async throws {
    let folder = try TemporaryFolder()
    let database = try database(folder.path + "/apus.db") { $0.synchronous = mode }
    let values = try await database.write { transaction in
      try ["synchronous", "foreign_keys", "busy_timeout"].map {
        try transaction.query("PRAGMA \($0)").first?.values.first
      }
    }
    #expect(values == [.integer(number), 1, 5000])
    let journal = try await database.read { try $0.query("PRAGMA journal_mode").first?.text("journal_mode") }
    #expect(journal == "wal")
    await database.close()
  }

  @Test("A file that cannot be used is refused when it is opened, by its name")
  func unusable() throws {
    let folder = try TemporaryFolder()
    let text = folder.path + "/text"
    try Data(String(repeating: "no database\n", count: 100).utf8).write(to: URL(fileURLWithPath: text))
    for path in [text, folder.path, text + "/below"] {
      let failure = #expect(throws: Failure.self) { try database(path) }
      #expect(failure?.code == .unavailable)
      #expect(failure?.message.contains(path) == true)
    }
  }

  @Test("Who only looks at a database makes none")
  func missing() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/some/apus.db"
    let failure = #expect(throws: Failure.self) {
      try Store.Database(DatabaseConfiguration(.sqlite(path: path)), isMade: false, logger: LogRecorder().logger)
    }
    #expect(failure?.message == "there is no database at \(path)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    try await self.database(path).close()
    try await Store.Database(
      DatabaseConfiguration(.sqlite(path: path)), isMade: false, logger: LogRecorder().logger
    ).close()
  }

  @Test("A file that was deleted or replaced takes no more writes", arguments: [false, true])
  func moved(isReplaced: Bool) async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/apus.db"
    let database = try database(path)
    try await database.write { try $0.execute("CREATE TABLE things (id BIGINT)") }
    for file in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: path + file) }
    if isReplaced { try Data().write(to: URL(fileURLWithPath: path)) }
    let failure = await #expect(throws: Failure.self) {
      try await database.write { try $0.execute("INSERT INTO things VALUES (1)") }
    }
    #expect(failure?.cause?.contains("restart") == true)
    #expect(!database.status.isWorking)
    await database.close()
  }

  @Test("Two processes' worth of writers lose nothing")
  func twoWriters() async throws {
    let folder = try TemporaryFolder()
    let databases = [try database(folder.path + "/apus.db"), try database(folder.path + "/apus.db")]
    try await databases[0].write { try $0.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)") }
    try await withThrowingTaskGroup { group in
      for index in 0..<200 {
        group.addTask {
          _ = try await databases[index % 2].write { try $0.execute("INSERT INTO things VALUES (NULL)") }
        }
      }
      try await group.waitForAll()
    }
    let count = try await databases[1].read { try $0.query("SELECT COUNT(*) AS c FROM things").first?.integer("c") }
    #expect(count == 200)
    for database in databases { await database.close() }
  }

  @Test("A copy made while others write is whole, of one moment, one file, and its owner's")
  func backup() async throws {
    let folder = try TemporaryFolder()
    let database = try database(folder.path + "/apus.db") { $0.synchronous = .normal }
    let other = try self.database(folder.path + "/apus.db") { $0.synchronous = .normal }
    try await database.write { transaction in
      try transaction.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, side TEXT, filler TEXT)")
    }
    let writing = Task {
      while !Task.isCancelled {
        try await other.write { transaction in
          for side in ["left", "right"] {
            try transaction.execute(
              "INSERT INTO pairs (side, filler) VALUES ($1, $2)",
              [.text(side), .text(String(repeating: "x", count: 2000))])
          }
        }
      }
    }
    for number in 1...5 {
      let before = try await rows(database)
      let copy = folder.path + "/backups/\(number).db"
      try await database.backup(to: copy)
      try check(copy, atLeast: before)
    }
    writing.cancel()
    try await writing.value
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/backups").count == 5)
    await other.close()
    await database.close()
  }

  private func rows(_ database: Store.Database) async throws -> Int64 {
    try await database.read { try $0.query("SELECT COUNT(*) AS c FROM pairs").first?.integer("c") ?? 0 }
  }

  private func check(_ path: String, atLeast count: Int64) throws {
    #expect(try mode(path) == 0o600)
    var settings = GRDB.Configuration()
    settings.readonly = true
    let copy = try DatabaseQueue(path: path, configuration: settings)
    try copy.read { copy in
      #expect(try String.fetchOne(copy, sql: "PRAGMA integrity_check") == "ok")
      #expect(try String.fetchOne(copy, sql: "PRAGMA journal_mode") == "delete")
      let sides = try Int64.fetchAll(copy, sql: "SELECT COUNT(*) FROM pairs GROUP BY side")
      #expect(Set(sides).count <= 1, "both rows of a transaction or none")
      #expect(sides.reduce(0, +) >= count)
    }
    try copy.close()
  }

  @Test("A copy takes no other file's place")
  func existing() async throws {
    let folder = try TemporaryFolder()
    let database = try database(folder.path + "/apus.db")
    let taken = folder.path + "/taken"
    try Data("mine".utf8).write(to: URL(fileURLWithPath: taken))
    let failure = await #expect(throws: Failure.self) { try await database.backup(to: taken) }
    #expect(failure?.code == .conflict)
    #expect(failure?.message.contains(taken) == true)
    #expect(try String(contentsOfFile: taken, encoding: .utf8) == "mine")
    await database.close()
  }
}
