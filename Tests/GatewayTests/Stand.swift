import Foundation
import Gateway
import Hummingbird
import Kernel
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestKit
import Testing
import Web

/// The server with both ways behind its door, in this process, wired as `apus serve` wires it; beside it a scripted
/// provider, and an endpoint of the router that answers with what it was sent.
struct Stand: Sendable {
  /// What a test may want otherwise.
  struct Settings: Sendable {
    var server = ServerConfiguration()
    var responseTimeout = Duration.seconds(20)
    var idleTimeout = Duration.seconds(20)
    var keepAlive = TimeAmount.seconds(15)
    var authenticator = Authenticator.knowing(Stand.key)
    /// Of clients without a key, per minute.
    var addressLimit = 1_000_000
    var script: ScriptedUpstream.Script = { _ in .json(Stand.chatAnswer) }

    init(_ change: (inout Settings) -> Void = { _ in }) {
      server.port = 0
      change(&self)
    }
  }

  static let key = "a-key-of-at-least-thirty-two-characters"
  static let providerKey = "the-key-of-the-provider"
  static let chatAnswer = #"{"id":"1","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}"#

  let upstream: ScriptedUpstream
  let port: Int
  let state: ServerState
  let metrics: Metrics
  let catalog: Live<ModelCatalog>
  /// Begins a graceful stop.
  let stop: @Sendable () async -> Void
  private let echoed: Watched<Int>
  private let log: LineTap
  private let sink: LogSink

  /// Runs a server for the time of `body`, and stops it gracefully after that.
  static func run(_ settings: Settings = Settings(), _ body: (Stand) async throws -> Void) async throws {
    let upstream = try await ScriptedUpstream.start(settings.script)
    defer { upstream.stop() }
    let log = try await LineTap.open()
    let parts = Parts(settings, upstream: upstream, sink: LogSink(descriptor: log.descriptor))
    let port = Watched(0)
    let services = try parts.services(settings) { address in
      port.change { $0 = address.split(separator: ":").last.flatMap { Int($0) } ?? -1 }
    }
    let silent = Logger(label: "group") { _ in SwiftLogNoOpLogHandler() }
    let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: silent))
    async let running: Void = group.run()
    do {
      try await body(
        Stand(
          upstream: upstream, port: try await port.wait(for: "the server to listen") { $0 > 0 ? $0 : nil },
          state: parts.state, metrics: parts.metrics, catalog: parts.catalog,
          stop: { await group.triggerGracefulShutdown() }, echoed: parts.echoed, log: log, sink: parts.sink))
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await running
  }

  func connect(isReading: Bool = true) async throws -> RawClient {
    try await RawClient.connect(to: port, isReading: isReading)
  }

  // MARK: What has happened

  /// How many requests came past the door on a way.
  func reached(_ way: Way) -> Int {
    way == .model ? upstream.seen.value.requests.count : echoed.value
  }

  /// The log, one object for each request, once there are `count`; more are not waited for, but told.
  func requestLog(of count: Int) async throws -> [[String: Any]] {
    try await log.lines.wait(for: "\(count) lines in the log") { lines in
      lines.count { $0.contains(#""message":"request""#) } >= count ? () : nil
    }
    // What was written before this line has come out before it.
    let mark = UUID().uuidString
    sink.write(LogLine(level: .info, message: mark))
    let lines = try await log.lines.wait(for: "the log") { $0.contains { $0.contains(mark) } ? $0 : nil }
    return try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
      .filter { $0["message"] as? String == "request" }
  }

  /// The value of a metric, over all labels that `labels` stands in.
  func figure(_ name: String, _ labels: String = "") -> Double {
    let lines = metrics.exposition().split(separator: "\n").filter {
      ($0.hasPrefix(name + "{") || $0.hasPrefix(name + " ")) && (labels.isEmpty || $0.contains(labels))
    }
    return lines.reduce(0) { $0 + ($1.split(separator: " ").last.flatMap { Double($0) } ?? .nan) }
  }
}

/// What `Stand` is made of.
private struct Parts {
  let metrics: Metrics
  let state: ServerState
  let catalog: Live<ModelCatalog>
  let echoed = Watched(0)
  let sink: LogSink
  let stopFlag = StopFlag()
  let group = MultiThreadedEventLoopGroup.singleton
  let endpoints: [Endpoint]

  /// Shared by all servers; connections are kept by port.
  static let pools = LoopPools(group: MultiThreadedEventLoopGroup.singleton)

  init(_ settings: Stand.Settings, upstream: ScriptedUpstream, sink: LogSink) {
    self.sink = sink
    metrics = Metrics(sink: sink, build: "test")
    catalog = Live(ModelCatalog(.cloud(upstream, settings), supervisors: [:], loops: 1))
    let health = Health(stopFlag: stopFlag) { [] }
    let echo = Endpoint(Route(.POST, Way.router.path, role: .user)) { [echoed] request, _ in
      let body = try await request.body.collect(upTo: .max)
      echoed.change { $0 += 1 }
      return .text(String(buffer: body), type: "application/json")
    }
    endpoints =
      Gateway.endpoints(catalog: catalog) + [echo]
      + SystemRoutes.endpoints(metrics: metrics, health: health, openAPI: ByteBuffer(string: "{}"))
    state = ServerState(
      routes: RouteTable(Gateway.modelRoutes + endpoints.map(\.route)),
      settings: ServerSettings(
        configuration: settings.server, authenticator: settings.authenticator,
        strangers: Strangers(limit: settings.addressLimit)),
      metrics: metrics, stopFlag: stopFlag, sink: sink,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  func services(
    _ settings: Stand.Settings, onListening: @escaping @Sendable (String) -> Void
  ) throws -> [any Service] {
    let endpoints = Endpoints(endpoints)
    let pools = Self.pools
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let http = HTTPServer(
      configuration: settings.server, tls: Live(nil), state: state, group: group,
      ways: { [catalog, metrics, keepAlive = settings.keepAlive] loop in
        Ways(
          model: ModelRoutes(catalog: catalog, pools: pools.on(loop), metrics: metrics, keepAlive: keepAlive),
          router: RouterBridge(endpoints: endpoints, logger: logger))
      },
      onListening: onListening)
    return [http, ShutdownNotice(stopFlag: stopFlag, delay: settings.server.shutdownDelay)]
  }
}

extension Authenticator {
  static func knowing(_ key: String) -> Authenticator {
    Authenticator([(Secret(key), Caller(principal: Principal(name: "ann", role: .user)))])
  }
}

extension GatewayConfiguration {
  /// The model `small` at the scripted provider, and `nowhere` at a port where nobody listens.
  static func cloud(_ upstream: ScriptedUpstream, _ settings: Stand.Settings = .init()) -> GatewayConfiguration {
    var configuration = GatewayConfiguration()
    for (name, port) in [("cloud", upstream.port), ("gone", 1)] {
      let openAI = OpenAIConfiguration(
        baseURL: "http://127.0.0.1:\(port)/v1/", apiKey: Secret(Stand.providerKey))
      var provider = ProviderConfiguration(kind: .openai(openAI))
      provider.responseTimeout = settings.responseTimeout
      provider.idleTimeout = settings.idleTimeout
      configuration.providers[name] = provider
    }
    configuration.models["small"] = ModelConfiguration(targets: [.init(provider: "cloud", model: "vendor/model-7")])
    configuration.models["nowhere"] = ModelConfiguration(targets: [.init(provider: "gone", model: "x")])
    return configuration
  }
}
