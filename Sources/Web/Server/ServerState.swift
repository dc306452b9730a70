package import Kernel
package import Logging
import NIOCore
import Synchronization

/// What a reload may change about the server; one object, so that a request takes it with one count.
package final class ServerSettings: Sendable {
  /// The section `server` of the configuration.
  package let configuration: ServerConfiguration
  let authenticator: Authenticator
  let strangers: Strangers
  let cors: Cors
  let clientAddress: ClientAddress
  /// `request_timeout`, `write_timeout` and `idle_timeout`, as timers take them.
  let requestTime: TimeAmount
  let writeTime: TimeAmount
  let idleTime: TimeAmount

  /// Reads the configuration once, so that no request has to.
  ///
  /// `strangers` counts clients that are not known, and outlives reloads.
  package init(configuration: ServerConfiguration, authenticator: Authenticator, strangers: Strangers) {
    self.configuration = configuration
    self.authenticator = authenticator
    self.strangers = strangers
    cors = Cors(origins: configuration.corsOrigins)
    clientAddress = ClientAddress(trustedProxies: configuration.trustedProxies)
    requestTime = configuration.requestTimeout.timeAmount
    writeTime = configuration.writeTimeout.timeAmount
    idleTime = configuration.idleTimeout.timeAmount
  }

  /// A body that arrives more slowly than this, beyond `request_timeout`, is given up.
  private static let slowestBytesPerSecond = 8 << 10

  /// How long a request may take until so many bytes of its body have arrived.
  func time(toReceive bytes: Int) -> TimeAmount {
    requestTime + .seconds(Int64(bytes / Self.slowestBytesPerSecond))
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

/// The bytes of request bodies that the whole process holds at once: at most 1 GiB.
final class BodyBudget: Sendable {
  static let maximumBytes = 1 << 30
  private let held = Atomic<Int>(0)

  /// Takes so many bytes; false when that would be too many.
  func take(_ bytes: Int) -> Bool {
    guard held.wrappingAdd(bytes, ordering: .relaxed).newValue > Self.maximumBytes else { return true }
    giveBack(bytes)
    return false
  }

  /// Gives back what was taken.
  func giveBack(_ bytes: Int) {
    held.wrappingSubtract(bytes, ordering: .relaxed)
  }
}

/// What all connections of one server share.
package final class ServerState: Sendable {
  let routes: RouteTable
  let metrics: Metrics
  let stopFlag: StopFlag
  let bodies = BodyBudget()
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
