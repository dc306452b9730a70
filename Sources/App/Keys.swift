import Accounts
import ArgumentParser
import Kernel
import Logging
import NIOCore
import NIOPosix
import Store
import Web

/// `apus keys`: what admins do with keys, from the command line of the machine.
struct Keys: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make, list and revoke keys in the database.",
    discussion: """
      Servers that run hear of it within a second.

      EXAMPLES
        apus keys create --name web --plan free --tenant acme
        apus keys create --name ops --role admin --expires 2030-01-31T00:00:00Z
        apus keys list
        apus keys revoke key_0f9e8d7c6b5a49382716
      """,
    subcommands: [Create.self, List.self, Revoke.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a key, and show it this once.")

    @Option(help: "What logs and metrics call it.")
    var name: String
    @Option(help: "The tenant it belongs to.")
    var tenant: String?
    @Option(help: "The person or program behind it.")
    var user: String?
    @Option(help: "The name of a plan of the configuration.")
    var plan: String?
    @Option(help: "'user' or 'admin'.")
    var role = "user"
    @Option(help: "A model that may be asked for; may be given several times. Without it: all.")
    var model: [String] = []
    @Option(help: "When it ends, such as 2030-01-31T12:00:00Z.")
    var expires: String?
    @Option(help: "Requests per minute.")
    var requestsPerMinute: Int?
    @Option(help: "Requests at once.")
    var concurrentRequests: Int?
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      let body = ByteBuffer(string: json)
      try await CommandMemory.withAccounts(try options.load().configuration, isMade: true) { accounts in
        let made = try await accounts.createKey(try Fields(body))
        Output.error("\(made.key.id): keep this key, it is not shown again")
        Output.line(made.secret.reveal())
      }
    }

    /// What `POST /api/v1/keys` takes: one set of rules for both.
    private var json: String {
      var text = JSONText()
      text.add("name", name)
      text.add("tenant", tenant)
      text.add("user", user)
      text.add("plan", plan)
      text.add("role", role)
      text.add("models", model.isEmpty ? nil : model)
      text.add("expires_at", expires)
      text.add("requests_per_minute", requestsPerMinute)
      text.add("concurrent_requests", concurrentRequests)
      return text.text
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the keys, the youngest first.")

    @Flag(help: "Revoked ones, too.")
    var revoked = false
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      try await CommandMemory.withAccounts(try options.load().configuration) { accounts in
        var query = Accounts.KeyQuery()
        query.includesRevoked = revoked
        query.limit = 100
        repeat {
          let page = try await accounts.keys(query)
          for key in page.keys { Output.line(Self.line(key)) }
          query.cursor = page.nextCursor
        } while query.cursor != nil
      }
    }

    private static func line(_ key: APIKey) -> String {
      let ended = key.revokedAt.map { "revoked \(Moment.text($0))" }
      let expiry = key.terms.expiresAt.map { "until \(Moment.text($0))" }
      let about = [
        key.terms.role.rawValue, key.terms.plan.map { "plan \($0)" }, key.terms.tenant.map { "tenant \($0)" },
        key.terms.user.map { "user \($0)" }, expiry, ended,
      ]
      return "\(key.id)  \(key.prefix)…  \(key.terms.name)  (\(about.compactMap { $0 }.joined(separator: ", ")))"
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a key.")

    @Argument(help: "Its id, as `apus keys list` shows it.")
    var id: String
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      try await CommandMemory.withAccounts(try options.load().configuration) { accounts in
        try await accounts.revokeKey(id)
        Output.line("revoked \(id)")
      }
    }
  }
}

/// What commands open and close around their work.
enum CommandMemory {
  /// Commands say what is wrong themselves.
  static let silent = Logger(label: "apus") { _ in SwiftLogNoOpLogHandler() }

  /// Opens the database, lets `body` work, and closes it; a failure becomes a sentence and the status 1.
  ///
  /// Without `isMade`, a file that is not there is such a failure: a wrong path, most likely.
  static func with(
    _ configuration: Configuration, isMade: Bool, isMigrated: Bool, _ body: (Memory) async throws -> Void
  ) async throws {
    do {
      let memory = try Memory(
        configuration, isMade: isMade, group: MultiThreadedEventLoopGroup.singleton, logger: silent)
      if isMigrated { try await memory.migrate(silent) }
      let result = await Result { try await body(memory) }
      await memory.database.close()
      try result.get()
    } catch let failure as Failure {
      Output.error("apus: \(failure.message)\(failure.cause.map { " (\($0))" } ?? "")")
      for detail in failure.details.dropFirst() { Output.error("      '\(detail.field)' \(detail.problem)") }
      throw ExitCode.failure
    }
  }

  /// The same with the accounts in it. The shared memory is not connected: replicas find what is done in the database.
  static func withAccounts(
    _ configuration: Configuration, isMade: Bool = false, _ body: (Accounts) async throws -> Void
  ) async throws {
    try await with(configuration, isMade: isMade, isMigrated: true) { memory in
      let accounts = try Accounts(
        configuration.accounts, adminKey: nil, database: memory.database, shared: memory.shared, logger: silent)
      try await body(accounts)
    }
  }
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
