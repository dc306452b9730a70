import ArgumentParser
import AsyncHTTPClient
import Gateway
import Kernel
import NIOCore
import NIOHTTP1

/// `apus doctor`: shows what is configured, and tries what can be tried.
struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the effective configuration, secrets masked, and check every provider.",
    discussion: """
      Ends with status 0 when everything works, 1 when a provider does not, 78 when the configuration is wrong.

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
    var allWork = true
    for (name, provider) in loaded.configuration.gateway.providers.sorted(by: { $0.key < $1.key }) {
      for check in await checks(provider, loaded.configuration.dataDirectory) {
        Output.line("\(check.passed ? "ok  " : "FAIL") provider \(name): \(check.finding)")
        allWork = allWork && check.passed
      }
    }
    if !allWork { throw ExitCode.failure }
  }

  private struct Check {
    var passed: Bool
    var finding: String
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
