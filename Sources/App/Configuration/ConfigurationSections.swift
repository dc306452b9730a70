import Accounts
import Gateway
import Kernel
import Web

// Every setting stands here once: its name, where its value goes, how it is written. The same lines read the file and
// the environment, print the effective configuration and tell what a restart is needed for. Defaults are the initial
// values of the structs.

extension Configuration {
  /// Walks over all settings, then checks those that depend on each other.
  mutating func visit(_ root: SettingsSection) {
    root.setting("data_dir", &dataDirectory, .path, restarts: true)
    root.section("server") { server.visit($0) }
    root.section("database") { visitDatabase($0) }
    root.section("shared") { visitShared($0) }
    root.section("auth") { accounts.visitAuth($0) }
    root.map("plans", &accounts.plans, new: Plan(), names: .name) { $0.visit($1) }
    root.list("keys", &accounts.keys, new: ConfiguredKey()) { $0.visit($1) }
    // The built-in models run at the built-in provider.
    if root.has("providers") { gateway.models = [:] }
    root.map(
      "providers", &gateway.providers, new: ProviderConfiguration(kind: .openai(.standard)), names: .providerName
    ) { $0.visit($1) }
    root.map("models", &gateway.models, new: ModelConfiguration(targets: []), names: .name) { $0.visit($1) }
    root.finish()
    checkKeys(root.walk)
    checkPlans(root.walk)
    accounts.checkTokens(root.walk)
    checkProviders(root.walk)
    checkModels(root.walk)
  }
}

extension ServerConfiguration {
  fileprivate mutating func visit(_ section: SettingsSection) {
    section.setting("host", &host, .host, restarts: true)
    section.setting("port", &port, .integer("a port", in: 0...65_535), restarts: true)
    section.setting("max_body", &maxBody, .size)
    section.setting("max_connections", &maxConnections, .integer("a number", in: 1...1_000_000), restarts: true)
    section.setting("idle_timeout", &idleTimeout, .duration)
    section.setting("request_timeout", &requestTimeout, .duration)
    section.setting("write_timeout", &writeTimeout, .duration)
    section.setting("shutdown_delay", &shutdownDelay, .durationOrZero, restarts: true)
    section.setting("shutdown_timeout", &shutdownTimeout, .durationOrZero, restarts: true)
    section.section("tls") { visitTLS($0) }
    section.section("cors") { $0.texts("origins", &corsOrigins, each: .origin) }
    section.texts("trusted_proxies", &trustedProxies, each: .network)
  }

  private mutating func visitTLS(_ section: SettingsSection) {
    var certificate = tls?.certificate
    var key = tls?.key
    section.setting("certificate", &certificate, .path, restarts: true)
    section.setting("key", &key, .path, restarts: true)
    tls = nil
    switch (certificate, key) {
    case (let certificate?, let key?): tls = TLS(certificate: certificate, key: key)
    case (nil, nil): break
    default:
      let missing = certificate == nil ? "certificate" : "key"
      section.walk.report(
        section.path(missing), expected: "the certificate and its key together", came: "no '\(missing)'",
        remedy: "Give the paths of both PEM files, or of none.")
    }
  }
}

/// The kinds of providers by their names in the file.
private enum ProviderKindName: String, CaseIterable, Sendable {
  case openai
  case llama
}

extension ProviderConfiguration {
  fileprivate mutating func visit(_ section: SettingsSection) {
    var name = kind.name
    let isKnown = section.setting("kind", &name, .choice, required: true)
    if isKnown {
      section.subject = "a provider of kind \(name.rawValue)"
      if name != kind.name { kind = name.standard }
      kind.visit(section)
    }
    section.acceptsUnknown = !isKnown
    section.setting("connect_timeout", &connectTimeout, .duration)
    section.setting("response_timeout", &responseTimeout, .duration)
    section.setting("idle_timeout", &idleTimeout, .duration)
    section.setting("max_connections", &maxConnections, .integer("a number", in: 1...1_000_000))
  }
}

extension ProviderConfiguration.Kind {
  fileprivate var name: ProviderKindName {
    switch self {
    case .openai: .openai
    case .llama: .llama
    }
  }

  fileprivate mutating func visit(_ section: SettingsSection) {
    switch self {
    case .openai(var openai):
      section.setting("base_url", &openai.baseURL, .baseURL)
      section.secret("api_key", &openai.apiKey, .headerKey)
      self = .openai(openai)
    case .llama(var llama):
      section.setting("chat_model", &llama.chatModel, .path, restarts: true)
      section.setting("embedding_model", &llama.embeddingModel, .path, restarts: true)
      section.setting("server", &llama.server, .path, restarts: true)
      section.setting("threads", &llama.threads, .integer("a number", in: 1...1024), restarts: true)
      section.setting(
        "context_tokens", &llama.contextTokens, .integer("a number", in: 64...16_777_216), restarts: true)
      self = .llama(llama)
    }
  }
}

extension ProviderKindName {
  /// A provider of this kind before its settings were read.
  fileprivate var standard: ProviderConfiguration.Kind {
    switch self {
    case .openai: .openai(.standard)
    case .llama: .llama(LlamaConfiguration(chatModel: nil, embeddingModel: nil))
    }
  }
}

extension OpenAIConfiguration {
  fileprivate static var standard: OpenAIConfiguration {
    OpenAIConfiguration(baseURL: "https://api.openai.com/v1", apiKey: nil)
  }
}

extension ModelConfiguration {
  fileprivate mutating func visit(_ section: SettingsSection) {
    section.list("targets", &targets, new: Target(provider: "", model: "")) { $0.visit($1) }
  }
}

extension ModelConfiguration.Target {
  fileprivate mutating func visit(_ section: SettingsSection) {
    section.setting("provider", &provider, .name, required: true)
    section.setting("model", &model, .name, required: true)
    section.setting("weight", &weight, .integer("a weight", in: 1...1_000_000))
  }
}
