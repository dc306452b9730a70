import Kernel
import Store
import Testing

@Suite("A database is named by its URL")
struct DatabaseConfigurationRulesTests {
  private typealias Location = DatabaseConfiguration.Location

  @Test("A file of SQLite's, wherever it is")
  func sqlite() {
    #expect(Location(url: "sqlite:apus.db") == .sqlite(path: "apus.db"))
    #expect(Location(url: "sqlite:/var/lib/apus/apus.db") == .sqlite(path: "/var/lib/apus/apus.db"))
    #expect(Location(url: "sqlite:a b:c?d") == .sqlite(path: "a b:c?d"))
  }

  @Test("A server of PostgreSQL's, by either name", arguments: ["postgres://u:p@h/d", "postgresql:///d?host=/run"])
  func postgres(url: String) {
    #expect(Location(url: url) == .postgres(url: Secret(url)))
  }

  @Test(
    "Anything else is no database",
    arguments: ["", "apus.db", "sqlite:", "sqlite", "SQLITE:a", "mysql://h/d", "postgres:h/d", "sqlite:a\0b"])
  func refused(url: String) {
    #expect(Location(url: url) == nil)
  }
}
