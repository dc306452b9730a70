import Kernel
import Testing
import Wire

@testable import Gateway

@Suite("A model's requests go where its targets say")
struct ModelCatalogRulesTests {
  private static func catalog(_ targets: [ModelConfiguration.Target]) -> ModelCatalog {
    var configuration = GatewayConfiguration()
    for name in ["a", "b", "c"] {
      configuration.providers[name] = ProviderConfiguration(
        kind: .openai(OpenAIConfiguration(baseURL: "http://\(name).example/v1", apiKey: nil)))
    }
    configuration.providers["broken"] = ProviderConfiguration(
      kind: .openai(OpenAIConfiguration(baseURL: "nowhere", apiKey: nil)))
    configuration.providers["local"] = ProviderConfiguration(
      kind: .llama(LlamaConfiguration(chatModel: "x", embeddingModel: nil)))
    configuration.models["m"] = ModelConfiguration(targets: targets)
    return ModelCatalog(configuration, supervisors: [:], loops: 4)
  }

  @Test(
    "Each target is picked as often as its weight says",
    arguments: [[1, 1], [9, 1], [1, 2, 97], [5, 0, 5], [0, 1]])
  func weights(weights: [Int]) throws {
    let targets = zip(["a", "b", "c"], weights).map { ModelConfiguration.Target(provider: $0, model: "x", weight: $1) }
    let model = try #require(Self.catalog(targets)["m"])
    let picks = 20_000
    var counts: [String: Int] = [:]
    for _ in 0..<picks { counts[try #require(model.pickTarget()).endpoint.provider, default: 0] += 1 }
    let total = Double(weights.reduce(0, +))
    for (name, weight) in zip(["a", "b", "c"], weights) {
      // Chernoff's bound for a binomial count: six standard deviations off, less often than once in 10^8.
      let share = Double(weight) / total
      let bound = 6 * (Double(picks) * share * (1 - share)).squareRoot()
      #expect(abs(Double(counts[name] ?? 0) - Double(picks) * share) <= bound, "\(name): \(counts)")
    }
  }

  @Test("Targets at providers that are missing, broken or not started are left out")
  func missing() throws {
    let names = ["gone", "broken", "local", "b"]
    let model = try #require(Self.catalog(names.map { .init(provider: $0, model: "x") })["m"])
    #expect(model.targets.map(\.endpoint.provider) == ["b"])
    for _ in 0..<100 { #expect(model.pickTarget()?.endpoint.provider == "b") }
  }

  @Test("A model without a target that is there does not exist", arguments: [["gone"], ["local", "broken"], []])
  func unreachable(names: [String]) {
    let catalog = Self.catalog(names.map { .init(provider: $0, model: "x") })
    #expect(catalog["m"] == nil)
    #expect(catalog.names == [])
  }

  @Test("Names are found as they are written, and told in order")
  func names() {
    var configuration = GatewayConfiguration()
    configuration.providers["a"] = ProviderConfiguration(
      kind: .openai(OpenAIConfiguration(baseURL: "http://a", apiKey: nil)))
    for name in ["vendor/z", "Small", "small", "é"] {
      configuration.models[name] = ModelConfiguration(targets: [.init(provider: "a", model: "x")])
    }
    let catalog = ModelCatalog(configuration, supervisors: [:], loops: 1)
    #expect(catalog.names == ["Small", "small", "vendor/z", "é"])
    #expect(catalog["small"]?.name == "small")
    #expect(catalog["SMALL"] == nil)
    #expect(catalog["vendor%2fz"] == nil)
  }

  @Test("Connections are shared among the loops, and each has one at least", arguments: [(4096, 1024), (3, 1), (9, 2)])
  func connections(most: Int, each: Int) throws {
    var configuration = GatewayConfiguration()
    var provider = ProviderConfiguration(
      kind: .openai(OpenAIConfiguration(baseURL: "https://a.example/v1", apiKey: Secret("k"))))
    provider.maxConnections = most
    configuration.providers["a"] = provider
    configuration.models["m"] = ModelConfiguration(targets: [.init(provider: "a", model: "x")])
    let endpoint = try #require(ModelCatalog(configuration, supervisors: [:], loops: 4)["m"]?.targets.first?.endpoint)
    #expect(endpoint.limits.connections == each)
    #expect(endpoint.authorization?.reveal() == "Bearer k")
    #expect(endpoint.basePath == "/v1")
    #expect(try endpoint.origin(for: .chat) == UpstreamOrigin(.tcp(host: "a.example", port: 443), isSecure: true))
  }
}
