package import Kernel
package import Logging
import Synchronization

/// What a reload may change about the server.
package struct ServerSettings: Sendable {
  package var configuration: ServerConfiguration
  package var authenticator: Authenticator
  let cors: Cors
  let clientAddress: ClientAddress

  /// Reads the configuration once, so that no request has to.
  package init(configuration: ServerConfiguration, authenticator: Authenticator) {
    self.configuration = configuration
    self.authenticator = authenticator
    cors = Cors(origins: configuration.corsOrigins)
    clientAddress = ClientAddress(trustedProxies: configuration.trustedProxies)
  }
}

/// Whether the process has been asked to stop: then it is not ready, and answers close their connections.
package final class StopFlag: Sendable {
  private let stopping = Atomic<Bool>(false)

  /// Not stopping.
  package init() {}

  /// Whether it is stopping.
  package var isRaised: Bool { stopping.load(ordering: .relaxed) }

  /// There is no way back.
  package func raise() {
    stopping.store(true, ordering: .relaxed)
  }
}

/// What all connections of one server share.
package final class ServerState: Sendable {
  let routes: RouteTable
  let metrics: Metrics
  let stopFlag: StopFlag
  let sink: LogSink
  let logger: Logger
  /// What a reload replaces.
  package let settings: Live<ServerSettings>

  /// Puts the shared parts together.
  package init(
    routes: RouteTable, settings: ServerSettings, metrics: Metrics, stopFlag: StopFlag, sink: LogSink, logger: Logger
  ) {
    self.routes = routes
    self.settings = Live(settings)
    self.metrics = metrics
    self.stopFlag = stopFlag
    self.sink = sink
    self.logger = logger
  }
}
