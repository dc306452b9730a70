import Gateway
import Kernel
import Testing
import Web

@testable import App

@Suite struct ConfigurationRulesTests {
  @Test func sixMistakesAreNamedAtOnceWithPlaceAndRemedy() throws {
    let yaml = """
      server:
        prot: 8080
        idle_timeout: soon
      keys:
        - { name: web, key: tooshort, role: amdin }
      providers:
        openai: { kind: openai, base_url: "ftp://example.com" }
      models:
        small: { targets: [ { provider: opnai, model: gpt } ] }
      """
    let folder = try ConfigurationFolder()
    let error = try #require(throws: ConfigurationMistakes.self) { try folder.load(yaml) }
    let file = "\(folder.path)/apus.yaml"
    #expect(
      error.description == """
        The configuration has 6 mistakes:

        server.prot (\(file), line 2)
          expected a setting of server, came the unknown name 'prot'
          Did you mean 'port'?

        server.idle_timeout (\(file), line 3)
          expected a duration such as 3s or 500ms, came "soon"
          Write a number above 0 and a unit: ms, s, m or h; at most 8760h.

        keys.0.key (\(file), line 5)
          expected at least 32 printable ASCII characters without spaces, came 8 characters (not shown)
          Make one with: openssl rand -hex 32

        keys.0.role (\(file), line 5)
          expected one of user, admin, came "amdin"
          Write one of these words.

        providers.openai.base_url (\(file), line 7)
          expected an address such as https://api.openai.com/v1, came "ftp://example.com"
          Write http:// or https://, a host and a path; no user, password, query or fragment.

        models.small.targets.0.provider (\(file), line 9)
          expected the name of a provider, came "opnai"
          Did you mean 'openai'?
        """)
  }

  @Test(arguments: serverScenarios + keyScenarios + providerScenarios + addressScenarios + modelScenarios)
  func everyRuleHolds(_ scenario: ConfigurationScenario) throws {
    #expect(try scenario.found() == scenario.mistakes)
  }

  @Test func everySettingReachesItsField() throws {
    let server = try configuration(
      """
      server:
        host: "::"
        port: 0
        max_body: 64KiB
        max_connections: 7
        idle_timeout: 1.5s
        request_timeout: 10m
        write_timeout: 500ms
        shutdown_delay: 0
        shutdown_timeout: 1h
        tls: { certificate: c.pem, key: k.pem }
        cors: { origins: [ "*", "HTTPS://App.example.com:8443" ] }
        trusted_proxies: [ 10.0.0.0/8, 192.168.1.1, "fd00::/8" ]
      """
    ).server
    var expected = ServerConfiguration()
    expected.host = "::"
    expected.port = 0
    expected.maxBody = .kibibytes(64)
    expected.maxConnections = 7
    expected.idleTimeout = .milliseconds(1500)
    expected.requestTimeout = .seconds(600)
    expected.writeTimeout = .milliseconds(500)
    expected.shutdownDelay = .zero
    expected.shutdownTimeout = .seconds(3600)
    expected.tls = .init(certificate: "c.pem", key: "k.pem")
    expected.corsOrigins = ["*", "https://app.example.com:8443"]
    expected.trustedProxies = ["10.0.0.0/8", "192.168.1.1/32", "fd00::/8"]
    #expect(server == expected)
  }

  @Test func providersAndModelsReachTheirFields() throws {
    let gateway = try configuration(
      """
      providers:
        mine: { kind: llama, chat_model: /m/a.gguf, server: /usr/bin/llama-server, threads: 3, context_tokens: 4096 }
        groq:
          kind: openai
          base_url: https://api.groq.com/openai/v1/
          api_key: gsk_1
          connect_timeout: 2s
          response_timeout: 3s
          idle_timeout: 4s
          max_connections: 5
      models:
        "my model/1.0": { targets: [ { provider: mine, model: /m/a.gguf, weight: 9 }, { provider: groq, model: x } ] }
      """
    ).gateway
    var llama = LlamaConfiguration(chatModel: "/m/a.gguf", embeddingModel: nil)
    llama.server = "/usr/bin/llama-server"
    llama.threads = 3
    llama.contextTokens = 4096
    #expect(gateway.providers["mine"] == ProviderConfiguration(kind: .llama(llama)))
    var groq = ProviderConfiguration(
      kind: .openai(.init(baseURL: "https://api.groq.com/openai/v1", apiKey: Secret("gsk_1"))))
    groq.connectTimeout = .seconds(2)
    groq.responseTimeout = .seconds(3)
    groq.idleTimeout = .seconds(4)
    groq.maxConnections = 5
    #expect(gateway.providers["groq"] == groq)
    let targets: [ModelConfiguration.Target] = [
      .init(provider: "mine", model: "/m/a.gguf", weight: 9), .init(provider: "groq", model: "x"),
    ]
    #expect(gateway.models == ["my model/1.0": ModelConfiguration(targets: targets)])
  }

  @Test func theBuiltInModelsStandUntilProvidersAreNamed() throws {
    #expect(try configuration("# nothing\n") == Configuration())
    #expect(try configuration("providers:\nmodels:\n") == Configuration())
    #expect(Set(Configuration().gateway.models.keys) == ["smollm2", "minilm"])
    #expect(try configuration("providers: {}").gateway == GatewayConfiguration())
    let own = try configuration("models: { mini: { targets: [ { provider: local, model: minilm } ] } }").gateway
    #expect(own.providers == Configuration().gateway.providers)
    #expect(Set(own.models.keys) == ["mini"])
  }

  @Test(arguments: [
    ("prot", "port"), ("apikey", "api_key"), ("MAX-BODY", "max_body"), ("max_boddy", "max_body"),
    ("idletimeout", "idle_timeout"),
  ])
  func theNearestNameIsFound(_ wrong: String, _ right: String) {
    #expect(NearestName.find(wrong, among: ["port", "api_key", "max_body", "idle_timeout", "x"]) == right)
  }

  @Test(arguments: ["url", "y", "", "completely_different"])
  func aNameFarFromAllNamesNone(_ wrong: String) {
    #expect(NearestName.find(wrong, among: ["port", "base_url", "max_body", "x"]) == nil)
    let remedy = NearestName.remedy(for: wrong, among: ["port", "base_url"], kind: "setting")
    #expect(remedy == "Known: base_url, port.")
  }
}
