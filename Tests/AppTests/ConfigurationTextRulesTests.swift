import Gateway
import Kernel
import Testing

@testable import App

@Suite struct ConfigurationTextRulesTests {
  private static let whole = """
    data_dir: .apus
    server:
      host: 127.0.0.1
      port: 8080
      max_body: 32MiB
      max_connections: 8192
      idle_timeout: 75s
      request_timeout: 30s
      write_timeout: 1m
      shutdown_delay: 0s
      shutdown_timeout: 30s
      tls:
        certificate: null
        key: null
      cors:
        origins: []
      trusted_proxies: []
    database:
      url: null
      max_connections: 20
      wait_timeout: 10s
      statement_timeout: 10s
      slow_query: 200ms
      synchronous: full
    shared:
      url: null
      timeout: 50ms
    auth:
      identity_max_age: 1m
      unauthenticated_per_minute: 100
      jwt:
        secret: null
        public_key: null
        jwks_url: null
        issuer: null
        audience: null
        leeway: 30s
        claims:
          user: sub
          tenant: tenant
          plan: plan
          role: role
          scopes: scope
    plans: {}
    keys: []
    providers:
      local:
        kind: llama
        chat_model: smollm2
        embedding_model: minilm
        server: null
        threads: null
        context_tokens: 8192
        connect_timeout: 1s
        response_timeout: 10m
        idle_timeout: 2m
        max_connections: 4096
    models:
      minilm:
        targets:
          - provider: local
            model: minilm
            weight: 1
      smollm2:
        targets:
          - provider: local
            model: smollm2
            weight: 1

    """

  @Test func theBuiltInConfigurationIsPrintedWhole() {
    #expect(Configuration().describe() == Self.whole)
  }

  @Test func whatIsPrintedReadsBackToTheSameOnceSecretsAreFilledIn() throws {
    let original = try configuration(rich)
    let text = original.describe()
    #expect(!text.contains(longKey))
    #expect(!text.contains("sk-1"))
    var parts = text.split(separator: "•••", omittingEmptySubsequences: false)[...]
    #expect(parts.count == 4)
    var filled = String(parts.removeFirst())
    for (part, secret) in zip(parts, [longKey, longKey + "2", "sk-1"]) { filled += secret + part }
    #expect(try configuration(filled) == original)
    #expect(try configuration(Configuration().describe()) == Configuration())
  }

  @Test(arguments: [
    ("0", "0s"), ("1500ms", "1500ms"), ("1.5s", "1500ms"), ("0.25ms", "0.25ms"), ("90m", "90m"), ("120m", "2h"),
    ("0.1s", "100ms"), ("8760h", "8760h"), ("1.1s", "1100ms"), ("123.456789ms", "123.456789ms"),
  ])
  func durationsKeepTheirValue(_ text: String, _ printed: String) throws {
    let format = SettingFormat<Duration>.durationOrZero
    let value = try #require(format.read(text))
    #expect(format.write(value) == printed)
    #expect(format.read(printed) == value)
  }

  @Test(arguments: [
    "plain", "", "null", "NULL", "~", "a: b", "- a", "\"quoted\"", "back\\slash", "tab\tbell\u{7}", "$HOME ${X}",
    "ünï 🐦", "#no", "yes", "1", " space ", "a #b", "[x]", "next\u{85}line", "\u{2028}", "a\u{FEFF}b",
  ])
  func everyTextSurvivesPrinting(_ text: String) throws {
    let yaml = SettingsText.map([("data_dir", .value(text))]).lines.joined(separator: "\n")
    if text.isEmpty {
      #expect(yaml == "data_dir: \"\"")
    } else {
      #expect(try configuration(yaml).dataDirectory == text)
    }
  }

  @Test(arguments: [
    ("data_dir: x", ["data_dir"]),
    ("server: { host: 0.0.0.0, port: 1 }", ["server.host", "server.port"]),
    ("server: { max_connections: 5 }", ["server.max_connections"]),
    ("server: { tls: { certificate: c, key: k } }", ["server.tls.certificate", "server.tls.key"]),
    ("server: { idle_timeout: 1s, cors: { origins: [ '*' ] }, max_body: 1KiB }", []),
    ("providers: { local: { \(builtIn), threads: 1 } }", ["providers.local.threads"]),
    ("providers: { local: { \(builtIn), idle_timeout: 1s } }", []),
    ("providers: { local: { kind: openai } }", ["providers.local"]),
    ("providers: { own: { \(builtIn) }, mine: { kind: openai } }", ["providers.local", "providers.own"]),
    ("keys: [ { name: a, key: \(longKey) } ]", []),
  ])
  func changesThatNeedARestartAreNamed(_ yaml: String, _ paths: [String]) throws {
    let changed = try configuration(yaml)
    #expect(changed.changesNeedingRestart(from: Configuration()) == paths)
    #expect(Configuration().changesNeedingRestart(from: changed) == paths)
    #expect(changed.changesNeedingRestart(from: changed) == [])
  }
}

/// The built-in provider, as a file would write it.
private let builtIn = "kind: llama, chat_model: smollm2, embedding_model: minilm"

/// A configuration with something of everything.
private let rich = """
  data_dir: "/srv/$$dir with spaces"
  server:
    host: "::1"
    max_body: 512B
    idle_timeout: 1.5s
    tls: { certificate: c.pem, key: "k: #1.pem" }
    cors: { origins: [ "*", "https://a.example" ] }
    trusted_proxies: [ "fd00::/8" ]
  keys:
    - { name: "null", key: \(longKey), role: admin }
    - { name: "b c", key: \(longKey)2 }
  providers:
    gpu: { kind: llama, chat_model: /m/a.gguf, threads: 2 }
    openai: { kind: openai, api_key: sk-1, response_timeout: 250ms }
  models:
    "org/model:1.0": { targets: [ { provider: openai, model: "~", weight: 3 }, { provider: gpu, model: /m/a.gguf } ] }
    "null": { targets: [ { provider: openai, model: '$${x}' } ] }
  """
