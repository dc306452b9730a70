import Accounts
import CAssets
import Gateway
import Kernel
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Store
import Web

/// Puts the parts together: the one screen where features meet.
final class Assembly: Sendable {
  private let state: ServerState
  private let metrics: Metrics
  private let stopFlag = StopFlag()
  private let source: ConfigurationSource
  private let catalog: Live<ModelCatalog>
  private let tls: Live<NIOSSLContext?>
  private let supervisors: [String: LlamaSupervisor]
  private let group: any EventLoopGroup
  private let endpoints: [Endpoint]
  private let active: Live<Configuration>
  private let memory: Memory
  private let accounts: Accounts
  private let strangers: Live<Strangers>
  private let pools: LoopPools
  private let logger: Logger

  /// Makes every part on what is remembered; nothing listens or is started before `services` run.
  init(
    _ configuration: Configuration, source: ConfigurationSource, memory: Memory, group: any EventLoopGroup,
    sink: LogSink, logger: Logger
  ) throws {
    self.memory = memory
    accounts = try Accounts(
      configuration.accounts, adminKey: try Self.adminKey(for: configuration), database: memory.database,
      shared: memory.shared, logger: logger)
    strangers = Live(Strangers(limit: configuration.accounts.unauthenticatedPerMinute))
    let supervisors = Self.supervisors(for: configuration, logger: logger)
    metrics = Metrics(sink: sink, build: Apus.version)
    catalog = Live(ModelCatalog(configuration.gateway, supervisors: supervisors, loops: group.loopCount))
    tls = Live(try HTTPServer.tlsContext(configuration.server.tls))
    metrics.add { [accounts] in StoreFigures.write(memory, accounts, to: &$0) }
    let health = Health(stopFlag: stopFlag) {
      supervisors.sorted { $0.key < $1.key }.flatMap { LlamaHealth.parts($0.key, $0.value) } + memory.healthParts
    }
    endpoints =
      Gateway.endpoints(catalog: catalog) + AccountsRoutes.endpoints(accounts)
      + SystemRoutes.endpoints(metrics: metrics, health: health, openAPI: Self.openAPI)
    state = ServerState(
      routes: RouteTable(Gateway.modelRoutes + endpoints.map(\.route)),
      settings: ServerSettings(
        configuration: configuration.server, authenticator: accounts.authenticator,
        strangers: strangers.current),
      metrics: metrics, stopFlag: stopFlag, sink: sink, logger: logger)
    active = Live(configuration)
    self.supervisors = supervisors
    self.source = source
    self.group = group
    pools = LoopPools(group: group)
    self.logger = logger
  }

  /// Everything that runs, in the order of starting; a stop goes the other way round.
  func services() throws -> [any Service] {
    let server = active.current.server
    let endpoints = Endpoints(endpoints)
    try pools.prepareTLS(for: catalog.current)
    let http = HTTPServer(
      configuration: server, tls: tls, state: state, group: group,
      ways: { [catalog, pools, metrics, logger] loop in
        Ways(
          model: ModelRoutes(catalog: catalog, pools: pools.on(loop), metrics: metrics),
          router: RouterBridge(endpoints: endpoints, logger: logger))
      },
      onListening: { [logger] in logger.info("listening", metadata: ["address": "\($0)"]) })
    let remembering: [any Service] = [memory.database, memory.shared, AccountChanges(accounts)]
    return [LoopLag(group: group, metrics: metrics)] + remembering + supervisors.values.map { $0 as any Service } + [
      http, Reloading(assembly: self), ShutdownNotice(stopFlag: stopFlag, delay: server.shutdownDelay),
    ]
  }

  /// Every route that is served.
  var routes: [Route] { Gateway.modelRoutes + endpoints.map(\.route) }

  // MARK: Reload

  /// Reads the configuration again; a bad one changes nothing and says so.
  func reload() {
    do {
      let loaded = try source.load()
      let fresh = loaded.configuration
      for warning in loaded.warnings { logger.warning("configuration", metadata: ["warning": "\(warning)"]) }
      let old = active.current
      let models = ModelCatalog(fresh.gateway, supervisors: supervisors, loops: group.loopCount)
      try pools.prepareTLS(for: models)
      if fresh.server.tls == old.server.tls { tls.replace(with: try HTTPServer.tlsContext(fresh.server.tls)) }
      try accounts.reconfigure(fresh.accounts, adminKey: try Self.adminKey(for: fresh, in: old.dataDirectory))
      if fresh.accounts.unauthenticatedPerMinute != old.accounts.unauthenticatedPerMinute {
        strangers.replace(with: Strangers(limit: fresh.accounts.unauthenticatedPerMinute))
      }
      state.settings.replace(
        with: ServerSettings(
          configuration: fresh.server, authenticator: accounts.authenticator, strangers: strangers.current))
      catalog.replace(with: models)
      active.replace(with: fresh)
      logger.info("configuration reloaded", metadata: ["models": "\(catalog.current.names.joined(separator: ", "))"])
      for path in fresh.changesNeedingRestart(from: old) {
        logger.warning("this setting changes at the next start only", metadata: ["setting": "\(path)"])
      }
    } catch {
      let reason = (error as? Failure)?.message ?? "\(error)"
      logger.error("configuration not reloaded; the old one stays", metadata: ["mistakes": "\(reason)"])
    }
  }

  // MARK: Parts

  private static func supervisors(for configuration: Configuration, logger: Logger) -> [String: LlamaSupervisor] {
    var supervisors: [String: LlamaSupervisor] = [:]
    for (name, provider) in configuration.gateway.providers {
      guard case .llama(let llama) = provider.kind else { continue }
      supervisors[name] = LlamaSupervisor(
        provider: name, configuration: llama, dataDirectory: configuration.dataDirectory, logger: logger)
    }
    return supervisors
  }

  /// The key of the first admin, where the configuration brings no keys.
  private static func adminKey(
    for configuration: Configuration, in dataDirectory: String? = nil
  ) throws(Failure) -> Secret? {
    guard configuration.accounts.keys.isEmpty else { return nil }
    return try AdminKey.ensure(in: dataDirectory ?? configuration.dataDirectory).key
  }

  private static var openAPI: ByteBuffer {
    var length = 0
    let start = apus_openapi(&length)
    return ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: length))
  }
}

/// From where the configuration is read, at the start and at each reload.
struct ConfigurationSource: Sendable {
  var path: String?
  var environment: [String: String]

  func load() throws(ConfigurationMistakes) -> LoadedConfiguration {
    try ConfigurationFile.load(path: path, environment: environment)
  }
}

extension EventLoopGroup {
  /// How many loops share what is counted per process.
  var loopCount: Int { makeIterator().reduce(0) { count, _ in count + 1 } }
}
