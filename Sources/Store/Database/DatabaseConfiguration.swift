package import Kernel

/// Where the database is, and how long anybody waits for it.
package struct DatabaseConfiguration: Sendable, Equatable {
  /// One of the two kinds of database.
  package enum Location: Sendable, Equatable {
    /// A file of SQLite's, made when it is missing, for one machine.
    case sqlite(path: String)
    /// A PostgreSQL server by its URL, which may hold a password, for any number of replicas.
    case postgres(url: Secret)
  }

  /// How hard SQLite makes sure of a commit. PostgreSQL has a setting of its own, `synchronous_commit`, and keeps it.
  package enum Synchronous: String, Sendable, CaseIterable {
    /// Every commit is on the disk before it is acknowledged: a power cut loses nothing acknowledged.
    case full
    /// The disk is made sure of at checkpoints only: a power cut may lose the last commits, acknowledged ones too, but
    /// never the file's integrity. A crash of Apus alone loses nothing in either mode.
    case normal
  }

  /// Where the database is. In the configuration `database.url`; defaults to `sqlite:DATA_DIR/apus.db`.
  package var location: Location
  /// The most connections to PostgreSQL at a time, from this process; SQLite has one that writes and four that read.
  /// All replicas together must stay below the server's `max_connections`. Defaults to 20.
  package var maxConnections = 20
  /// How long a transaction waits for its turn before it fails as unavailable. Defaults to 10 s.
  package var waitTimeout: Duration = .seconds(10)
  /// The longest that one statement may run; it is then stopped, and its transaction rolled back. Defaults to 10 s.
  /// Migrations and backups are exempt.
  package var statementTimeout: Duration = .seconds(10)
  /// Statements that take longer are counted and logged, with their text and never with their values.
  /// Defaults to 200 ms.
  package var slowQuery: Duration = .milliseconds(200)
  /// What a power cut may lose, with SQLite. Defaults to `full`.
  package var synchronous = Synchronous.full

  /// Everything by default but the place.
  package init(_ location: Location) {
    self.location = location
  }
}

extension DatabaseConfiguration.Location {
  /// What `init(url:)` takes, for the message about something else.
  package static let expectation = "sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"

  /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`; nil for anything else.
  ///
  /// The rest of a PostgreSQL URL is libpq's to read, when the database is opened.
  package init?(url: String) {
    if let path = url.dropPrefix("sqlite:"), !path.isEmpty, !path.utf8.contains(0) {
      self = .sqlite(path: path)
    } else if ["postgres://", "postgresql://"].contains(where: url.hasPrefix), !url.utf8.contains(0) {
      self = .postgres(url: Secret(url))
    } else {
      return nil
    }
  }
}

extension String {
  fileprivate func dropPrefix(_ prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }
}
