let serverScenarios: [ConfigurationScenario] = [
  .init("A configuration without mistakes is silent", "server: { port: 80 }"),
  .init(
    "A port beyond 65535 is refused", "server: { port: 65536 }",
    "server.port [1] expected a port from 0 to 65535, came \"65536\""),
  .init(
    "A negative port is refused", "server: { port: -1 }",
    "server.port [1] expected a port from 0 to 65535, came \"-1\""),
  .init(
    "A number with a sign or digits of another script is refused", "server: { port: +80, max_connections: ٣ }",
    "server.port [1] expected a port from 0 to 65535, came \"+80\"",
    "server.max_connections [1] expected a number from 1 to 1000000, came \"٣\""),
  .init(
    "A host with a port is refused", "server: { host: 'a:80' }",
    "server.host [1] expected an address or host name such as 127.0.0.1, came \"a:80\""),
  .init(
    "Durations are positive, have a unit and stay below a year",
    """
    server:
      idle_timeout: 0s
      request_timeout: 30
      write_timeout: 1.s
      shutdown_delay: -1s
      shutdown_timeout: 8761h
    """,
    "server.idle_timeout [2] expected a duration such as 3s or 500ms, came \"0s\"",
    "server.request_timeout [3] expected a duration such as 3s or 500ms, came \"30\"",
    "server.write_timeout [4] expected a duration such as 3s or 500ms, came \"1.s\"",
    "server.shutdown_delay [5] expected a duration such as 3s or 500ms, or 0, came \"-1s\"",
    "server.shutdown_timeout [6] expected a duration such as 3s or 500ms, or 0, came \"8761h\""),
  .init(
    "A size of zero is refused", "server: { max_body: 0B }",
    "server.max_body [1] expected a size such as 256MiB or 64KiB, came \"0B\""),
  .init(
    "A size in powers of ten is refused", "server: { max_body: 32MB }",
    "server.max_body [1] expected a size such as 256MiB or 64KiB, came \"32MB\""),
  .init(
    "A size that no number holds is refused", "server: { max_body: 9223372036854775807GiB }",
    "server.max_body [1] expected a size such as 256MiB or 64KiB, came \"9223372036854775807GiB\""),
  .init(
    "A certificate wants its key", "server:\n  tls: { certificate: c.pem }",
    "server.tls.key [2] expected the certificate and its key together, came no 'key'"),
  .init(
    "A key wants its certificate", "server:\n  tls: { key: k.pem }",
    "server.tls.certificate [2] expected the certificate and its key together, came no 'certificate'"),
  .init(
    "An origin has no path", "server: { cors: { origins: [ 'https://a.example/', app ] } }",
    "server.cors.origins.0 [1] expected an origin such as https://app.example.com, or *, came \"https://a.example/\"",
    "server.cors.origins.1 [1] expected an origin such as https://app.example.com, or *, came \"app\""),
  .init(
    "A network is an address and a length",
    "server:\n  trusted_proxies:\n    - 10.0.0.0/33\n    - 10.0.0/8\n    - fd00::/-1\n    - ok.example",
    "server.trusted_proxies.0 [3] expected a network such as 10.0.0.0/8, came \"10.0.0.0/33\"",
    "server.trusted_proxies.1 [4] expected a network such as 10.0.0.0/8, came \"10.0.0/8\"",
    "server.trusted_proxies.2 [5] expected a network such as 10.0.0.0/8, came \"fd00::/-1\"",
    "server.trusted_proxies.3 [6] expected a network such as 10.0.0.0/8, came \"ok.example\""),
  .init(
    "A value of the wrong shape is refused",
    "server:\n  port: [ 80 ]\n  tls: yes\n  cors: { origins: { a: b } }\nkeys: {}",
    "server.port [2] expected a port from 0 to 65535, came a list",
    "server.tls [3] expected a mapping, came a single value",
    "server.cors.origins [4] expected a list, each an origin such as https://app.example.com, or *, came a mapping",
    "keys [5] expected a list, came a mapping"),
  .init(
    "An unknown section is refused", "sever: { port: 1 }\ndata: x",
    "sever [1] expected a setting of the configuration, came the unknown name 'sever'",
    "data [2] expected a setting of the configuration, came the unknown name 'data'"),
]

let keyScenarios: [ConfigurationScenario] = [
  .init(
    "A key has a name and a secret", "keys:\n  - role: user",
    "keys.0.name [2] expected a name of 1 to 128 printable characters, came nothing",
    "keys.0.key [2] expected at least 32 printable ASCII characters without spaces, came nothing"),
  .init(
    "A secret with a space or a letter beyond ASCII is refused",
    "keys:\n  - { name: a, key: '\(String(repeating: "x ", count: 20))' }\n"
      + "  - { name: b, key: '\(String(repeating: "é", count: 40))' }",
    "keys.0.key [2] expected at least 32 printable ASCII characters without spaces, came 40 characters (not shown)",
    "keys.1.key [3] expected at least 32 printable ASCII characters without spaces, came 40 characters (not shown)"),
  .init(
    "Names and secrets are not used twice",
    "keys:\n  - { name: a, key: \(longKey) }\n  - { name: a, key: \(longKey) }",
    "keys.1.name [3] expected a name of its own, came the name of keys.0",
    "keys.1.key [3] expected a secret of its own, came the secret of keys.0"),
  .init(
    "The mask that the doctor prints is no secret", "keys: [ { name: a, key: ••• } ]",
    "keys.0.key [1] expected at least 32 printable ASCII characters without spaces, came the mask of a secret"),
  .init(
    "A bare secret in the list is not repeated", "keys: [ \(longKey) ]",
    "keys.0 [1] expected a mapping, came a single value",
    "keys.0.name [1] expected a name of 1 to 128 printable characters, came nothing",
    "keys.0.key [1] expected at least 32 printable ASCII characters without spaces, came nothing"),
]

let providerScenarios: [ConfigurationScenario] = [
  .init(
    "A provider has a kind, and its other settings are still read",
    "providers:\n  a: { base_url: x, idle_timeout: x }\n  b: { kind: anthropic }",
    "providers.a.kind [2] expected one of openai, llama, came nothing",
    "providers.a.idle_timeout [2] expected a duration such as 3s or 500ms, came \"x\"",
    "providers.b.kind [3] expected one of openai, llama, came \"anthropic\""),
  .init(
    "A setting of the other kind is unknown",
    "providers:\n  a: { kind: openai, chat_model: x }\n  b: { kind: llama, chat_model: x, api_key: secret }",
    "providers.a.chat_model [2] expected a setting of a provider of kind openai, came the unknown name 'chat_model'",
    "providers.b.api_key [3] expected a setting of a provider of kind llama, came the unknown name 'api_key'"),
  .init(
    "A llama provider runs something", "providers:\n  a: { kind: llama }\n  b: { kind: llama, chat_model: '' }",
    "providers.a [2] expected a chat_model or an embedding_model, came neither",
    "providers.b [3] expected a chat_model or an embedding_model, came neither"),
  .init(
    "A provider's name fits into a variable", "providers: { my openai: { kind: openai } }",
    "providers.my openai [1] expected a name of letters, digits, '-' and '_', came \"my openai\""),
  .init(
    "A provider's key fits into a header", "providers: { a: { kind: openai, api_key: \"a\\r\\nb\" } }",
    "providers.a.api_key [1] expected printable ASCII characters without spaces, came 3 characters (not shown)"),
  .init(
    "An address with a password is refused, and the password not repeated",
    "providers: { a: { kind: openai, base_url: 'https://me:hush@example.com/v1' } }",
    "providers.a.base_url [1] expected \(addressRule), came a text of 30 characters (not shown)"),
  .init(
    "A key that got into an address is not repeated",
    "providers: { a: { kind: openai, base_url: 'https://h/v1?key=hush' } }",
    "providers.a.base_url [1] expected \(addressRule), came a text of 21 characters (not shown)"),
]

let addressScenarios: [ConfigurationScenario] =
  [
    "example.com", "https://", "https:///v1", "https://a/v1#x", "https://a:0", "https://[a]",
    "https://a b", "https://a/b c", "file:///etc/passwd",
  ].map { address in
    .init(
      "The address '\(address)' is refused", "providers: { a: { kind: openai, base_url: '\(address)' } }",
      "providers.a.base_url [1] expected \(addressRule), came \"\(address)\"")
  }
  + ["http://127.0.0.1:11434/v1", "https://[::1]:8080", "HTTPS://api.example.com/a/b/"].map { address in
    .init("The address '\(address)' is taken", "providers: { a: { kind: openai, base_url: '\(address)' } }")
  }

let modelScenarios: [ConfigurationScenario] = [
  .init(
    "A model has targets", "models:\n  a:\n  b: { targets: [] }\n  c: { targets: x }",
    "models.a.targets [2] expected at least one target, came none",
    "models.b.targets [3] expected at least one target, came none",
    "models.c.targets [4] expected a list, came a single value"),
  .init(
    "A target has a provider, a model and a weight from 1", "models:\n  a: { targets: [ { weight: 0 } ] }",
    "models.a.targets.0.provider [2] expected a name of 1 to 128 printable characters, came nothing",
    "models.a.targets.0.model [2] expected a name of 1 to 128 printable characters, came nothing",
    "models.a.targets.0.weight [2] expected a weight from 1 to 1000000, came \"0\""),
  .init(
    "A target names a provider", "models:\n  a: { targets: [ { provider: loacl, model: x } ] }",
    "models.a.targets.0.provider [2] expected the name of a provider, came \"loacl\""),
  .init(
    "A target at a llama provider names one of its models",
    "models:\n  a: { targets: [ { provider: local, model: smollm } ] }",
    "models.a.targets.0.model [2] expected a model that 'local' runs, came \"smollm\""),
  .init(
    "A model's name is printable and short",
    "models:\n  \"a\\u0007\": { targets: [ { provider: local, model: minilm } ] }\n"
      + "  \(String(repeating: "m", count: 129)): { targets: [ { provider: local, model: minilm } ] }",
    "models.a\u{7} [2] expected a name of 1 to 128 printable characters, came \"a\\u{07}\"",
    "models.\(String(repeating: "m", count: 129)) [3] expected a name of 1 to 128 printable characters, "
      + "came \"\(String(repeating: "m", count: 80))\""),
  .init(
    "Providers of the wrong shape bring no mistakes in their targets",
    "providers: x\nmodels: { a: { targets: [ { provider: b, model: c } ] } }",
    "providers [1] expected a mapping, came a single value"),
]

/// A secret of the least length.
let longKey = String(repeating: "0123456789abcdef", count: 2)
private let addressRule = "an address such as https://api.openai.com/v1"
