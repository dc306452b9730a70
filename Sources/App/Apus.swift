import ArgumentParser

/// The `apus` command.
@main
struct Apus: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "apus",
    abstract: "The backend of an AI product in one binary.",
    discussion: """
      EXAMPLES
        apus serve                          serve with ./apus.yaml, or with the built-in defaults
        apus serve --config /etc/apus.yaml  serve with another file
        APUS_SERVER_PORT=9000 apus serve    override one setting
        apus keys create --name web         make a key
        apus doctor                         show what is configured, and check every provider
      """,
    version: version,
    subcommands: [Serve.self, Doctor.self, Keys.self, Migrate.self, Backup.self])
}

/// Where the configuration comes from; the same for every command.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: "The configuration file. Without it: ./apus.yaml if it exists, else the built-in defaults.")
  var config: String?

  /// Reads the configuration, or prints every mistake and ends with status 78 (`EX_CONFIG` of sysexits.h).
  func load() throws -> LoadedConfiguration {
    do {
      return try ConfigurationFile.load(path: config, environment: Environment.current)
    } catch {
      Output.error(error.description)
      throw ExitCode(78)
    }
  }
}
