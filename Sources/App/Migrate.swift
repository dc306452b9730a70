import ArgumentParser
import Glibc
import Store

/// `apus migrate`: brings the tables up to date without serving.
struct Migrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the database's tables up to date; `apus serve` does it, too, when it starts.",
    discussion: """
      Several may run at once: they wait for each other. With --pending nothing is changed, and the status is 1 where
      something would be.

      EXAMPLES
        apus migrate --pending
        apus migrate --config /etc/apus.yaml
      """)

  @OptionGroup var options: ConfigurationOptions
  @Flag(help: "Only say what would be done.")
  var pending = false

  func run() async throws {
    let configuration = try options.load().configuration
    if pending, case .sqlite(let path) = configuration.database.location, access(path, F_OK) != 0 {
      Output.error("apus: there is no database at \(path)")
      try Self.tell(pending: Memory.migrations.map(\.name))
    }
    try await CommandMemory.with(configuration, isMade: !pending, isMigrated: false) { memory in
      if pending {
        try Self.tell(pending: try await memory.database.pending(Memory.migrations))
      } else {
        let names = try await memory.database.migrate(Memory.migrations)
        for name in names { Output.line("applied  \(name)") }
        if names.isEmpty { Output.line("nothing was pending") }
      }
    }
  }

  private static func tell(pending names: [String]) throws {
    for name in names { Output.line("pending  \(name)") }
    guard names.isEmpty else { throw ExitCode.failure }
    Output.line("nothing is pending")
  }
}

/// `apus backup`: a copy of the database while it is in use.
struct Backup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy the database (SQLite) into a file, while Apus serves.",
    discussion: """
      The copy is whole and of one moment; the file must not be there yet. To go back to it, stop Apus and put the file
      where database.url points, without the -wal and -shm files beside it. For PostgreSQL there is pg_dump.

      EXAMPLES
        apus backup apus-2030-01-31.db
      """)

  @Argument(help: "The file to make.")
  var file: String
  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    try await CommandMemory.with(try options.load().configuration, isMade: false, isMigrated: false) { memory in
      try await memory.database.backup(to: file)
      Output.line("wrote \(file)")
    }
  }
}
