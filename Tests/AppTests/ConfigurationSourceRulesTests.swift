import Accounts
import Foundation
import Gateway
import Kernel
import Testing
import Web

@testable import App

@Suite struct ConfigurationSourceRulesTests {
  @Test(arguments: environmentScenarios + variableScenarios + textScenarios)
  func everySourceIsChecked(_ scenario: ConfigurationScenario) throws {
    #expect(try scenario.found() == scenario.mistakes)
  }

  @Test func theEnvironmentWinsOverTheFileAndOverDefaults() throws {
    let environment = [
      "APUS_DATA_DIR": "/srv/apus", "APUS_SERVER_PORT": "9000", "APUS_SERVER_TLS_CERTIFICATE": "c",
      "APUS_SERVER_TLS_KEY": "k", "APUS_SERVER_CORS_ORIGINS": "https://a.example, https://b.example",
      "APUS_SERVER_TRUSTED_PROXIES": "", "APUS_KEYS_0_KEY": longKey, "APUS_KEYS_1_NAME": "second",
      "APUS_KEYS_1_KEY": longKey + "2", "APUS_PROVIDERS_MY_OPENAI_API_KEY": "sk-$1",
      "APUS_MODELS_M_1_TARGETS_0_WEIGHT": "5",
    ]
    let yaml = """
      server: { port: 80, trusted_proxies: [ 10.0.0.0/8 ] }
      keys: [ { name: first, key: short, role: admin } ]
      providers: { my-openai: { kind: openai, api_key: old } }
      models: { m.1: { targets: [ { provider: my-openai, model: x } ] } }
      """
    let loaded = try ConfigurationFolder().load(yaml, environment: environment)
    let configuration = loaded.configuration
    #expect(loaded.warnings == [])
    #expect(configuration.dataDirectory == "/srv/apus")
    #expect(configuration.server.port == 9000)
    #expect(configuration.server.tls == .init(certificate: "c", key: "k"))
    #expect(configuration.server.corsOrigins == ["https://a.example", "https://b.example"])
    #expect(configuration.server.trustedProxies == [])
    let keys = configuration.accounts.keys
    #expect(keys.map(\.terms.name) == ["first", "second"])
    #expect(keys.map(\.key) == [Secret(longKey), Secret(longKey + "2")])
    #expect(keys.map(\.terms.role) == [.admin, .user])
    #expect(configuration.gateway.providers["my-openai"]?.apiKey == "sk-$1")
    #expect(configuration.gateway.models["m.1"]?.targets.first?.weight == 5)
  }

  @Test func theEnvironmentChangesTheBuiltInProvider() throws {
    let environment = ["APUS_PROVIDERS_LOCAL_THREADS": "1", "APUS_PROVIDERS_LOCAL_SERVER": "/opt/llama-server"]
    var expected = LlamaConfiguration(chatModel: "smollm2", embeddingModel: "minilm")
    expected.threads = 1
    expected.server = "/opt/llama-server"
    let gateway = try configuration("", environment: environment).gateway
    #expect(gateway.providers["local"]?.kind == .llama(expected))
  }

  @Test func aVariableThatNoSettingReadsIsAWarning() throws {
    let environment = [
      "APUS_SERVER_PROT": "1", "APUS_WHATEVER_ELSE": "x", "APUS_SHARED_DATA": "/d", "APUS_BUILD_DIR": "/b",
      "APUS_BINARY": "/a", "APUS_TEST_DATA": "/t", "APUS_BENCH_SECONDS": "3", "APUSX": "1", "PATH": "/bin",
      "APUS_OWN_KEY": "sk-1",
    ]
    let yaml = "providers: { a: { kind: openai, api_key: '${APUS_OWN_KEY}' } }"
    #expect(
      try ConfigurationFolder().load(yaml, environment: environment).warnings == [
        "The environment variable APUS_SERVER_PROT is set, but no setting reads it; did you mean APUS_SERVER_PORT?",
        "The environment variable APUS_WHATEVER_ELSE is set, but no setting reads it.",
      ])
  }

  @Test(arguments: [
    ("${A}", "one"), ("x-${A}-${A}", "x-one-one"), ("$${A}", "${A}"), ("a$$", "a$"), ("${B:-two}", "two"),
    ("${A:-two}", "one"), ("${EMPTY:-two}", "two"), ("${EMPTY}", ""), ("${B:-}", ""), ("${B:-${A}}", "one"),
    ("${B:-${C:-{x}}}", "{x}"), ("${A:-${NOT_ASKED}}", "one"), ("é${A}ü", "éoneü"), ("${DOLLAR}", "${A}"),
  ])
  func variablesAreFilledIn(_ text: String, _ expected: String) throws {
    var interpolation = Interpolation(environment: ["A": "one", "EMPTY": "", "DOLLAR": "${A}"])
    #expect(try interpolation.expand(text) == expected)
  }

  @Test func aSecretComesFromItsFileWithoutTheLastLineBreak() throws {
    let folder = try ConfigurationFolder()
    let file = try folder.write(Data("sk-file\r\n".utf8), to: "key")
    let yaml = { (fields: String) in "providers: { a: { kind: openai, \(fields) } }" }
    let key = { (fields: String, environment: [String: String]) throws -> String? in
      try folder.load(yaml(fields), environment: environment).configuration.gateway.providers["a"]?.apiKey
    }
    let variable = "APUS_PROVIDERS_A_API_KEY"
    #expect(try key("api_key_file: '\(file)'", [:]) == "sk-file")
    #expect(try key("api_key: '', api_key_file: '\(file)'", [:]) == "sk-file")
    #expect(try key("api_key_file: '\(file)'", [variable: "sk-env"]) == "sk-env")
    #expect(try key("api_key: sk-yaml", [variable + "_FILE": file]) == "sk-file")
    #expect(try key("api_key: sk-yaml", [variable: ""]) == nil)
    #expect(try key("api_key_file: '\(file)'", [variable: ""]) == nil)
    #expect(try key("api_key: '${UNSET:-}'", [:]) == nil)
    #expect(try key("api_key: ~, api_key_file:", [:]) == nil)
  }

  @Test func aSecretsFileThatCannotServeIsAMistake() throws {
    let folder = try ConfigurationFolder()
    let large = try folder.write(Data(repeating: 97, count: SecretSource.limitBytes + 1), to: "large")
    let short = try folder.write(Data("short\n".utf8), to: "short")
    let path = folder.path
    let yaml = """
      keys:
        - { name: a, key_file: '\(path)/absent' }
        - { name: b, key_file: '\(large)' }
        - { name: c, key_file: '\(path)' }
        - { name: d, key_file: '\(short)' }
        - { name: e, key_file: '\(short)', key: \(longKey) }
      """
    let file = "expected a readable file of at most 64KiB, came"
    #expect(
      try folder.mistakes(yaml).map(\.summary) == [
        "keys.0.key_file [2] \(file) No such file or directory",
        "keys.1.key_file [3] \(file) more than 64KiB",
        "keys.2.key_file [4] \(file) Is a directory",
        "keys.3.key_file [5] expected at least 32 printable ASCII characters without spaces, "
          + "came 5 characters (not shown)",
        "keys.4.key_file [6] expected either 'key' or 'key_file', came both",
      ])
  }

  @Test func aSecretInThePlaceOfItsFileIsNotRepeated() throws {
    let folder = try ConfigurationFolder()
    let found = try folder.mistakes("keys: [ { name: a, key_file: \(longKey) } ]")
    #expect(found.count == 1)
    #expect(!ConfigurationMistakes(mistakes: found).description.contains(longKey))
  }

  @Test func theFileIsFoundInTheWorkingFolderOrNamed() throws {
    let folder = try ConfigurationFolder()
    let none = try ConfigurationFile.load(path: nil, environment: [:], folder: folder.path)
    #expect(none.file == nil)
    #expect(none.configuration == Configuration())
    let file = try folder.write(Data("data_dir: found\n".utf8), to: "apus.yaml")
    let found = try ConfigurationFile.load(path: nil, environment: [:], folder: folder.path)
    #expect(found.file == file)
    #expect(found.configuration.dataDirectory == "found")
  }

  @Test func aFileThatCannotBeReadIsAMistake() throws {
    let folder = try ConfigurationFolder()
    let large = try folder.write(Data(repeating: 35, count: ConfigurationFile.limitBytes + 1), to: "large.yaml")
    let notText = try folder.write(Data([0x61, 0xFF, 0xFE]), to: "bytes.yaml")
    let reasons = [
      ("\(folder.path)/absent.yaml", "a readable file of at most 1MiB, came No such file or directory"),
      (folder.path, "a readable file of at most 1MiB, came Is a directory"),
      (large, "a readable file of at most 1MiB, came more than 1024KiB"), (notText, "UTF-8, came other bytes"),
    ]
    for (path, reason) in reasons {
      let error = try #require(throws: ConfigurationMistakes.self) {
        try ConfigurationFile.load(path: path, environment: [:])
      }
      #expect(error.mistakes.map(\.summary) == [" [-] expected \(reason)"])
      #expect(error.description.contains(path))
    }
  }
}

extension ProviderConfiguration {
  /// The key of a provider that speaks OpenAI's API.
  fileprivate var apiKey: String? {
    guard case .openai(let openai) = kind else { return nil }
    return openai.apiKey?.reveal()
  }
}

private let environmentScenarios: [ConfigurationScenario] = [
  .init(
    "A wrong value in the environment names its variable, after those of the file",
    "server: { port: 80, host: '' }", environment: ["APUS_SERVER_PORT": "http", "APUS_KEYS_0_KEY": "short"],
    "server.host [1] expected an address or host name such as 127.0.0.1, came \"\"",
    "keys.0.key [APUS_KEYS_0_KEY] expected at least 32 printable ASCII characters without spaces, "
      + "came 5 characters (not shown)",
    "keys.0.name [-] expected a name of 1 to 128 printable characters, came nothing",
    "server.port [APUS_SERVER_PORT] expected a port from 0 to 65535, came \"http\""),
  .init(
    "A certificate from the environment wants its key", "", environment: ["APUS_SERVER_TLS_CERTIFICATE": "c.pem"],
    "server.tls.key [-] expected the certificate and its key together, came no 'key'"),
  .init(
    "Every part of a list is checked", "", environment: ["APUS_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, x y,,z"],
    "server.trusted_proxies [APUS_SERVER_TRUSTED_PROXIES] expected a network such as 10.0.0.0/8, came \"x y\"",
    "server.trusted_proxies [APUS_SERVER_TRUSTED_PROXIES] expected a network such as 10.0.0.0/8, came \"z\""),
  .init(
    "A variable that stands for two settings is refused", "providers: { a-b: { kind: openai }, a_b: { kind: openai } }",
    environment: ["APUS_PROVIDERS_A_B_API_KEY": "sk-1"],
    "providers.a_b.api_key [APUS_PROVIDERS_A_B_API_KEY] expected a variable for one setting, "
      + "came one that also stands for providers.a-b.api_key"),
]

private let variableScenarios: [ConfigurationScenario] = [
  .init(
    "A variable that is not set is named", "data_dir: ${NOWHERE}/x",
    "data_dir [1] expected the environment variable NOWHERE to be set, came nothing"),
  .init(
    "A required secret whose variable is not set is one mistake", "keys: [ { name: a, key: '${NOWHERE}' } ]",
    "keys.0.key [1] expected the environment variable NOWHERE to be set, came nothing"),
  .init(
    "A wrong value from a variable is shown where it is no secret", "server: { port: '${P}' }",
    environment: ["P": "many"], "server.port [1] expected a port from 0 to 65535, came \"many\""),
  .init(
    "A secret from a variable is not shown", "keys: [ { name: a, key: '${K}' } ]", environment: ["K": "short"],
    "keys.0.key [1] expected at least 32 printable ASCII characters without spaces, came 5 characters (not shown)"),
  .init("A dollar alone is refused", "data_dir: a$b", "data_dir [1] expected \(variableRule), came a '$' alone"),
  .init(
    "An open brace is refused", "data_dir: '${A'",
    "data_dir [1] expected \(variableRule), came a '${' without its '}'"),
  .init(
    "A variable has a name", "data_dir: '${1A}${A-b}'",
    "data_dir [1] expected \(variableRule), came a '${…}' that holds no variable's name"),
]
private let variableRule = "a value with ${NAME} or ${NAME:-default}"

private let textScenarios: [ConfigurationScenario] = [
  .init(
    "What is no YAML says where", "server:\n  host: [ a\nport: 1",
    " [3:5] expected YAML, came a mistake of syntax (did not find expected ',' or ']')"),
  .init("A list is no configuration", "- a\n- b", " [1] expected a mapping of sections, came a list"),
  .init(
    "A name that stands twice is refused", "server:\n  port: 1\n  port: 2",
    "port [2] expected each name once, came 'port' twice"),
  .init(
    "A name that stands twice in different quotes is refused",
    "models:\n  1: { targets: [ { provider: local, model: minilm } ] }\n"
      + "  '1': { targets: [ { provider: local, model: minilm } ] }",
    "models.1 [3] expected each name once, came '1' twice"),
  .init(
    "A second document is refused", "server: {}\n---\nserver: {}",
    " [2:1] expected YAML, came a mistake of syntax (but found another document)"),
]
