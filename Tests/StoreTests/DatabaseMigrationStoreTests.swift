import Kernel
import Store
import TestKit
import Testing

@Suite("Migrations are applied in order, once, and whole", .timeLimit(.minutes(1)))
struct DatabaseMigrationStoreTests {
  private static let first = Migration("things 1: table", both: ["CREATE TABLE things (id BIGINT PRIMARY KEY)"])
  private static let second = Migration(
    "things 2: names", both: ["ALTER TABLE things ADD COLUMN name TEXT", "INSERT INTO things VALUES (1, 'one')"])
  private static let broken = Migration(
    "things 3: broken", both: ["CREATE TABLE others (id BIGINT)", "INSERT INTO nowhere VALUES (1)"])

  /// Expects the names that `call` returns for these steps.
  private func expect(
    _ call: ([Migration]) async throws -> [String], _ all: [Migration], _ names: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await call(all)
    #expect(found == names, sourceLocation: sourceLocation)
  }

  @Test("In order, and each but once", arguments: Place.allCases)
  func order(place: Place) async throws {
    try await DatabaseStand(place).open { database in
      try await expect(database.pending, [Self.first, Self.second], ["things 1: table", "things 2: names"])
      try await expect(database.migrate, [Self.first], ["things 1: table"])
      try await expect(database.pending, [Self.first, Self.second], ["things 2: names"])
      try await expect(database.migrate, [Self.first, Self.second], ["things 2: names"])
      try await expect(database.migrate, [Self.first, Self.second], [])
      try await expect(database.pending, [Self.first, Self.second], [])
      let rows = try await database.read { try $0.query("SELECT id, name FROM things") }
      #expect(rows == [Row(columns: ["id", "name"], values: [1, "one"])])
    }
  }

  @Test("To ask what is pending changes nothing", arguments: Place.allCases)
  func pending(place: Place) async throws {
    try await DatabaseStand(place).open { database in
      _ = try await database.pending([Self.first])
      await #expect(throws: Failure.self) {
        try await database.read { try $0.query("SELECT name FROM apus_migrations") }
      }
    }
  }

  @Test("Four that start at once apply each step once between them", arguments: Place.allCases)
  func atOnce(place: Place) async throws {
    let stand = try await DatabaseStand(place)
    let steps = [Self.first, Self.second]
    let applied = try await withThrowingTaskGroup { group in
      for _ in 0..<4 { group.addTask { try await stand.open { try await $0.migrate(steps) } } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(applied.sorted() == steps.map(\.name))
  }

  @Test("One that fails leaves nothing of itself, and all before it", arguments: Place.allCases)
  func failing(place: Place) async throws {
    try await DatabaseStand(place).open { database in
      let failure = await #expect(throws: Failure.self) {
        try await database.migrate([Self.first, Self.broken, Self.second])
      }
      #expect(failure?.code == .internalError)
      #expect(failure?.cause?.contains("nowhere") == true)
      try await expect(database.pending, [Self.first, Self.broken, Self.second], [Self.broken.name, Self.second.name])
      await #expect(throws: Failure.self) { try await database.read { try $0.query("SELECT id FROM others") } }
    }
  }

  @Test("A step may take longer than a statement otherwise may", arguments: Place.allCases)
  func patience(place: Place) async throws {
    let count =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT COUNT(*) AS c FROM n"
    let slow = Migration("slow", both: ["CREATE TABLE slow AS \(count)"])
    try await DatabaseStand(place) { $0.statementTimeout = .milliseconds(20) }.open { database in
      try await expect(database.migrate, [slow], ["slow"])
      let failure = await #expect(throws: Failure.self) { try await database.read { try $0.query(count) } }
      #expect(failure?.reason == "database_timeout", "the limit is there, and short enough to tell")
    }
  }

  @Test("Two steps of one name are a mistake", arguments: Place.allCases)
  func names(place: Place) async throws {
    try await DatabaseStand(place).open { database in
      await #expect(throws: Failure.self) { try await database.migrate([Self.first, Self.first]) }
    }
  }
}
