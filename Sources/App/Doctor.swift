import ArgumentParser
import AsyncHTTPClient
import Gateway
import Glibc
import Kernel
import NIOCore
import NIOHTTP1
import NIOPosix
import Store

/// `apus doctor`: shows what is configured, and tries what can be tried.
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the effective configuration, secrets masked, and check database, shared memory and providers.",
    discussion: """
      Ends with status 0 when everything works, 1 when something does not, 78 when the configuration is wrong.

      EXAMPLES
        apus doctor
        apus doctor --config /etc/apus.yaml
      """)

  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let loaded = try options.load()
    Output.line("# \(loaded.file ?? "built-in defaults"), with what the environment overrides")
    Output.line(loaded.configuration.describe())
    for warning in loaded.warnings { Output.line("warning: \(warning)") }
    var checks = [await checkDatabase(loaded.configuration), await checkShared(loaded.configuration)]
    for (name, provider) in loaded.configuration.gateway.providers.sorted(by: { $0.key < $1.key }) {
      checks += await self.checks(provider, loaded.configuration.dataDirectory).map {
        Check(passed: $0.passed, finding: "provider \(name): \($0.finding)")
      }
    }
    for check in checks { Output.line("\(check.passed ? "ok  " : "FAIL") \(check.finding)") }
    if !checks.allSatisfy(\.passed) { throw ExitCode.failure }
  }

  private struct Check: Sendable {
    var passed: Bool
    var finding: String
  }

  /// Asks it which migrations are pending, without changing anything.
  private func checkDatabase(_ configuration: Configuration) async -> Check {
    if case .sqlite(let path) = configuration.database.location, access(path, F_OK) != 0 {
      return Check(passed: true, finding: "database: \(path) will be made by the first start")
    }
    do throws(Failure) {
      let database = try Database(configuration.database, logger: CommandMemory.silent)
      let pending = try await database.pending(Memory.migrations).count
      await database.close()
      return Check(passed: true, finding: "database: it answers, \(pending) migrations are pending")
    } catch {
      return Check(passed: false, finding: "database: \(error.message) \(error.cause ?? "")")
    }
  }

  /// Connects, and waits for the first answer, two seconds at most.
  private func checkShared(_ configuration: Configuration) async -> Check {
    guard configuration.shared.location != .memory else {
      return Check(passed: true, finding: "shared memory: of this process, replicas share nothing")
    }
    let shared = SharedMemory(
      configuration.shared, group: MultiThreadedEventLoopGroup.singleton, logger: CommandMemory.silent)
    let running = Task { await shared.run() }
    defer { running.cancel() }
    for _ in 0..<40 {
      // Refused while the connection is not there yet.
      if (try? await shared.increment("apus:doctor", by: 0, for: .seconds(1))) != nil {
        return Check(passed: true, finding: "shared memory: it answers")
      }
      try? await Task.sleep(for: .milliseconds(50))  // it throws when the task is cancelled, which nobody does
    }
    return Check(passed: false, finding: "shared memory: \(shared.status.problem ?? "it does not answer")")
  }

  private func checks(_ provider: ProviderConfiguration, _ dataDirectory: String) async -> [Check] {
    switch provider.kind {
    case .llama(let llama):
      LlamaPart.allCases.filter { llama.model(of: $0) != nil }.map { check(llama, $0, dataDirectory) }
    case .openai(let openai):
      [await check(openai)]
    }
  }

  /// Looks for the server and the model; starting them is for `apus serve`.
  private func check(_ llama: LlamaConfiguration, _ part: LlamaPart, _ dataDirectory: String) -> Check {
    do throws(Failure) {
      let command = try LlamaCommand(part, of: llama, dataDirectory: dataDirectory, socketPath: "doctor.sock")
      return Check(passed: true, finding: "\(part) by \(command.program.path) with \(command.modelPath)")
    } catch {
      return Check(passed: false, finding: "\(part): \(error.message)")
    }
  }

  /// Asks for the list of models: it costs nothing and needs the key.
  private func check(_ provider: OpenAIConfiguration) async -> Check {
    var request = HTTPClientRequest(url: provider.baseURL + "/models")
    if let key = provider.apiKey { request.headers.add(name: "authorization", value: "Bearer " + key.reveal()) }
    do {
      let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
      switch response.status.code {
      case 200: return Check(passed: true, finding: "\(provider.baseURL) answers")
      case 401, 403:
        return Check(passed: false, finding: "\(provider.baseURL) does not accept the key: set another api_key")
      default:
        return Check(passed: false, finding: "\(provider.baseURL)/models answers \(response.status.code), expected 200")
      }
    } catch {
      return Check(passed: false, finding: "\(provider.baseURL) cannot be reached: \(error)")
    }
  }
}
