import Kernel
import Store
import TestKit
import Testing

@Suite("Every database keeps the same promises", .timeLimit(.minutes(1)))
struct DatabaseStoreTests {
  private static let things = "CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT UNIQUE, weight DOUBLE PRECISION)"
  private static let bytes = "CREATE TABLE bytes (id BIGINT PRIMARY KEY, data BLOB)"

  private func make(_ database: Database) async throws {
    try await database.write { transaction in
      try transaction.execute(Self.things)
      try transaction.execute(
        transaction.dialect == .sqlite ? Self.bytes : Self.bytes.replacing("BLOB", with: "BYTEA"))
    }
  }

  private func with(
    _ place: Place, _ change: (inout DatabaseConfiguration) -> Void = { _ in },
    _ body: (Database, LogRecorder) async throws -> Void
  ) async throws {
    let stand = try await DatabaseStand(place, change)
    try await stand.open { database in
      try await make(database)
      try await body(database, stand.log)
    }
  }

  private static let texts = [
    "", "a", "'", "\"", "\\", "\\x00", "é", "e\u{301}", "日本語", "👩‍👩‍👧‍👧", "\u{feff}", "\u{10ffff}", "\n\r\t", "$1 ?1 %s",
  ]

  @Test("A text comes back as it went", arguments: Place.allCases)
  func texts(place: Place) async throws {
    try await with(place) { database, _ in
      for (id, text) in Self.texts.enumerated() {
        try await database.write {
          try $0.execute("INSERT INTO things (id, name) VALUES ($1, $2)", [.init(id), .text(text)])
        }
      }
      let rows = try await database.read { try $0.query("SELECT name FROM things ORDER BY id") }
      let names = try rows.map { Array(try $0.text("name").utf8) }
      #expect(names == Self.texts.map { Array($0.utf8) })
    }
  }

  @Test("A number comes back as it went", arguments: Place.allCases)
  func numbers(place: Place) async throws {
    let integers: [Int64] = [.min, -1, 0, 1, 1 << 53, (1 << 53) + 1, .max]
    let reals: [Double] = [
      0, -0.0, 0.1, 1.0 / 3, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity,
      12_345_678_901_234_568,
    ]
    try await with(place) { database, _ in
      for id in integers {
        try await database.write { try $0.execute("INSERT INTO things (id) VALUES ($1)", [.integer(id)]) }
      }
      let ids = try await database.read { try $0.query("SELECT id FROM things ORDER BY id") }
      #expect(try ids.map { try $0.integer("id") } == integers)
      for real in reals {
        let rows = try await database.write {
          try $0.query("UPDATE things SET weight = $1 WHERE id = 0 RETURNING weight", [.real(real)])
        }
        #expect(try rows.first?.real("weight") == real)
      }
    }
  }

  @Test("Bytes come back as they went, a mebibyte of them too", arguments: Place.allCases)
  func bytes(place: Place) async throws {
    let blobs: [[UInt8]] = [[], [0], Array(0...255), (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }]
    try await with(place) { database, _ in
      for (id, blob) in blobs.enumerated() {
        try await database.write { try $0.execute("INSERT INTO bytes VALUES ($1, $2)", [.init(id), .blob(blob)]) }
        let rows = try await database.read { try $0.query("SELECT data FROM bytes WHERE id = $1", [.init(id)]) }
        #expect(try rows.first?.blob("data") == blob)
      }
    }
  }

  @Test("NULL is NULL, and no other type is taken for one", arguments: Place.allCases)
  func nulls(place: Place) async throws {
    try await with(place) { database, _ in
      let row = try await database.write {
        try $0.query("INSERT INTO things VALUES (1, $1, $2) RETURNING id, name, weight", [nil, nil]).first
      }
      let found = try #require(row)
      #expect(try found.optionalText("name") == nil)
      #expect(try found.optionalReal("weight") == nil)
      #expect(throws: Failure.self) { try found.text("name") }
      #expect(throws: Failure.self) { try found.text("id") }
      #expect(throws: Failure.self) { try found.blob("id") }
      #expect(throws: Failure.self) { try found.integer("absent") }
    }
  }

  @Test("What no database can keep is refused as the client's mistake", arguments: Place.allCases)
  func refused(place: Place) async throws {
    try await with(place) { database, _ in
      let text = await #expect(throws: Failure.self) {
        try await database.write { try $0.execute("INSERT INTO things VALUES (1, $1, 0)", ["a\0b"]) }
      }
      #expect(text?.code == .invalidRequest)
      let number = await #expect(throws: Failure.self) {
        try await database.write { try $0.execute("INSERT INTO things VALUES (1, '', $1)", [.real(.nan)]) }
      }
      #expect(number?.code == .invalidRequest)
    }
  }

  @Test("Values may be used twice and out of order; a $ elsewhere is a $", arguments: Place.allCases)
  func parameters(place: Place) async throws {
    try await with(place) { database, _ in
      let sql = """
        -- not $3, and not '
        INSERT INTO things (id, name, weight) /* nor $4 " */
        VALUES (
          $2, '$1' || CAST($1 AS TEXT) || CAST($1 AS TEXT), CAST($2 AS BIGINT)) RETURNING name AS "the $5", id, weight
        """
      let row = try await database.write { try $0.query(sql, ["a", 7]).first }
      let found = try #require(row)
      #expect(try found.text("the $5") == "$1aa")
      #expect(try found.integer("id") == 7)
      #expect(try found.real("weight") == 7)
    }
  }

  @Test("What is in a value stays a value", arguments: Place.allCases)
  func injection(place: Place) async throws {
    let texts = ["'; DROP TABLE things; --", "$1", "\\'; DELETE FROM things", "%' OR 1=1 --", "\u{2019}); --"]
    try await with(place) { database, _ in
      for (id, text) in texts.enumerated() {
        try await database.write {
          try $0.execute("INSERT INTO things (id, name) VALUES ($1, $2)", [.init(id), .text(text)])
        }
        let rows = try await database.read { try $0.query("SELECT id FROM things WHERE name = $1", [.text(text)]) }
        #expect(try rows.map { try $0.integer("id") } == [Int64(id)])
      }
    }
  }

  @Test("The number of changed rows is told", arguments: Place.allCases)
  func changes(place: Place) async throws {
    try await with(place) { database, _ in
      let counts = try await database.write { transaction in
        [
          try transaction.execute("INSERT INTO things (id) VALUES (1), (2), (3)"),
          try transaction.execute("UPDATE things SET weight = 1 WHERE id > 1"),
          try transaction.execute("UPDATE things SET weight = 1 WHERE id > 9"),
          try transaction.execute("INSERT INTO things (id) VALUES (1) ON CONFLICT DO NOTHING"),
          try transaction.execute("DELETE FROM things"),
        ]
      }
      #expect(counts == [3, 2, 0, 0, 3])
    }
  }
}
