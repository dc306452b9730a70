import Accounts
import Kernel
import Store
import Web

// The settings of what Apus remembers and of who may; see ConfigurationSections.swift.

extension Configuration {
  mutating func visitDatabase(_ section: SettingsSection) {
    section.secret("url", &databaseURL, .databaseURL, restarts: true)
    let location = databaseURL.flatMap { DatabaseConfiguration.Location(url: $0.reveal()) }
    database.location = location ?? .sqlite(path: dataDirectory + "/apus.db")
    section.setting("max_connections", &database.maxConnections, .integer("a number", in: 1...1000), restarts: true)
    section.setting("wait_timeout", &database.waitTimeout, .duration, restarts: true)
    section.setting("statement_timeout", &database.statementTimeout, .duration, restarts: true)
    section.setting("slow_query", &database.slowQuery, .duration, restarts: true)
    section.setting("synchronous", &database.synchronous, .choice, restarts: true)
  }

  mutating func visitShared(_ section: SettingsSection) {
    section.secret("url", &sharedURL, .sharedURL, restarts: true)
    shared.location = sharedURL.flatMap { SharedMemoryConfiguration.Location(url: $0.reveal()) } ?? .memory
    section.setting("timeout", &shared.timeout, .duration, restarts: true)
  }
}

extension AccountsConfiguration {
  mutating func visitAuth(_ section: SettingsSection) {
    section.setting("identity_max_age", &identityMaxAge, .duration)
    section.setting("unauthenticated_per_minute", &unauthenticatedPerMinute, .integer("a number", in: 1...1_000_000))
    section.section("jwt") { visitTokens($0) }
  }

  /// The three sources exclude each other: the file or the environment names one.
  private mutating func visitTokens(_ section: SettingsSection) {
    var secret: Secret?
    var publicKey: String?
    var address: String?
    switch jwt?.source {
    case .secret(let text): secret = text
    case .publicKey(let text): publicKey = text
    case .jwks(let url): address = url
    case nil: break
    }
    section.secret("secret", &secret, .tokenSecret)
    section.setting("public_key", &publicKey, .publicKey)
    section.setting("jwks_url", &address, .jwksURL)
    let sources = [
      secret.map { JWTConfiguration.Source.secret($0) }, publicKey.map { .publicKey($0) },
      address.map { .jwks(url: $0) },
    ].compactMap { $0 }
    var tokens = jwt ?? JWTConfiguration(source: .secret(Secret("")))
    if let source = sources.first { tokens.source = source }
    // An empty variable must not be what lets every issuer's tokens in.
    section.setting("issuer", &tokens.issuer, .name, emptyIsNone: false)
    section.setting("audience", &tokens.audience, .name, emptyIsNone: false)
    section.setting("leeway", &tokens.leeway, .durationOrZero)
    section.section("claims") { tokens.claims.visit($0) }
    jwt = sources.isEmpty ? nil : tokens
    let isGiven = tokens != JWTConfiguration(source: tokens.source)
    if sources.count > 1 || (sources.isEmpty && isGiven && !section.hasReports(["secret", "public_key", "jwks_url"])) {
      section.walk.report(
        section.path, expected: "one of 'secret', 'public_key' and 'jwks_url'",
        came: sources.isEmpty ? "none of them" : "\(sources.count) of them",
        remedy: "Keep the one that your issuer uses.")
    }
  }

  /// What is wrong with the source of tokens.
  func checkTokens(_ walk: SettingsWalk) {
    for problem in jwt?.problems() ?? [] where !walk.isReported(problem.setting) {
      walk.report(problem.setting, expected: problem.expected, came: problem.came, remedy: problem.remedy)
    }
  }
}

extension JWTConfiguration.Claims {
  fileprivate mutating func visit(_ section: SettingsSection) {
    section.setting("user", &user, .name)
    section.setting("tenant", &tenant, .name)
    section.setting("plan", &plan, .name)
    section.setting("role", &role, .name)
    section.setting("scopes", &scopes, .name)
  }
}

extension Plan {
  mutating func visit(_ section: SettingsSection) {
    limits.visit(section)
    section.optionalTexts("models", &models, each: .name)
  }
}

extension RequestLimits {
  fileprivate mutating func visit(_ section: SettingsSection) {
    section.setting("requests_per_minute", &requestsPerMinute, .integer("a number", in: 0...1_000_000))
    section.setting("concurrent_requests", &concurrentRequests, .integer("a number", in: 0...1_000_000))
  }
}

extension ConfiguredKey {
  mutating func visit(_ section: SettingsSection) {
    section.setting("name", &terms.name, .name, required: true)
    var secret = key.isEmpty ? nil : key
    section.secret("key", &secret, .callerKey, required: true)
    key = secret ?? Secret("")
    section.setting("role", &terms.role, .choice)
    section.setting("tenant", &terms.tenant, .name)
    section.setting("user", &terms.user, .name)
    section.setting("plan", &terms.plan, .name)
    section.optionalTexts("models", &terms.models, each: .name)
    section.setting("expires_at", &terms.expiresAt, .moment)
    terms.limits.visit(section)
    section.textMap("metadata", &terms.metadata)
  }
}

extension SettingFormat where Value == String {
  fileprivate static var databaseURL: SettingFormat {
    SettingFormat(
      expectation: DatabaseConfiguration.Location.expectation,
      remedy: "Write sqlite: and the path of a file, or the URL of a PostgreSQL database.",
      read: { DatabaseConfiguration.Location(url: $0) == nil ? nil : $0 }, write: { $0 })
  }

  fileprivate static var sharedURL: SettingFormat {
    SettingFormat(
      expectation: SharedMemoryConfiguration.Location.expected,
      remedy: "Write memory: for one process, or the URL of a Redis that all replicas reach.",
      read: { SharedMemoryConfiguration.Location(url: $0) == nil ? nil : $0 }, write: { $0 })
  }

  /// How strong it is, the rules of tokens say.
  fileprivate static var tokenSecret: SettingFormat {
    SettingFormat(
      expectation: "a secret", remedy: "Make one with: openssl rand -hex 32", read: { $0.isEmpty ? nil : $0 },
      write: { $0 })
  }

  fileprivate static var publicKey: SettingFormat {
    SettingFormat(
      expectation: "a public key as PEM text, or the path of a PEM file", remedy: "Give the issuer's public key.",
      read: { $0.utf8.count > 16 << 10 ? nil : $0 }, write: { $0 })
  }

  fileprivate static var jwksURL: SettingFormat {
    SettingFormat(
      expectation: "an address such as https://issuer.example/.well-known/jwks.json",
      remedy: "Write https://, or http:// for this machine alone.", read: { $0.contains("://") ? $0 : nil },
      write: { $0 })
  }
}

extension SettingFormat where Value == Int64 {
  /// A moment in milliseconds since 1970.
  fileprivate static var moment: SettingFormat {
    SettingFormat(
      expectation: "a moment such as 2030-01-31T12:00:00Z", remedy: "Write it as RFC 3339 does, with a time zone.",
      read: { Moment.milliseconds($0) }, write: { Moment.text($0) })
  }
}
