/// One step of the schema, which is never changed once it was released: the next step changes what it made.
package struct Migration: Sendable {
  /// What it is known by in `apus_migrations`, and listed as: `accounts 1: keys`. Unique among all parts.
  package let name: String
  /// Its statements for SQLite, one in each text.
  package let sqlite: [String]
  /// Its statements for PostgreSQL, one in each text.
  package let postgres: [String]

  /// Makes a step from both dialects, side by side.
  package init(_ name: String, sqlite: [String], postgres: [String]) {
    self.name = name
    self.sqlite = sqlite
    self.postgres = postgres
  }

  /// Makes a step whose words both databases understand.
  package init(_ name: String, both: [String]) {
    self.init(name, sqlite: both, postgres: both)
  }
}
