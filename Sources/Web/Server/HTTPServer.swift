package import Kernel
import Logging
package import NIOCore
import NIOPosix
package import NIOSSL
import ServiceLifecycle
import Synchronization

/// Listens, gives every connection its pipeline, and stops gracefully.
///
/// The pipeline is the same for both ways through the port:
/// ```
/// bytes ⇄ [TLS] ⇄ FrontDoor, and behind it one way or the other
/// ```
package final class HTTPServer: Service {
  /// Makes the ways behind the door of a connection of this event loop.
  package typealias MakeWays = @Sendable (_ loop: any EventLoop) -> Ways

  private let configuration: ServerConfiguration
  private let tls: Live<NIOSSLContext?>
  private let state: ServerState
  private let group: any EventLoopGroup
  private let makeWays: MakeWays
  private let onListening: @Sendable (_ address: String) -> Void
  private let connections = Mutex<[ObjectIdentifier: any Channel]>([:])

  /// A server that does not listen yet; `onListening` is told the address once it does.
  package init(
    configuration: ServerConfiguration, tls: Live<NIOSSLContext?>, state: ServerState, group: any EventLoopGroup,
    ways makeWays: @escaping MakeWays, onListening: @escaping @Sendable (_ address: String) -> Void
  ) {
    self.configuration = configuration
    self.tls = tls
    self.state = state
    self.group = group
    self.makeWays = makeWays
    self.onListening = onListening
  }

  /// The certificate and key of a configuration, read now.
  package static func tlsContext(_ tls: ServerConfiguration.TLS?) throws -> NIOSSLContext? {
    guard let tls else { return nil }
    let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map { NIOSSLCertificateSource.certificate($0) }
    let key = try NIOSSLPrivateKey(file: tls.key, format: .pem)
    var settings = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
    settings.minimumTLSVersion = .tlsv12
    settings.applicationProtocols = ["http/1.1"]
    return try NIOSSLContext(configuration: settings)
  }

  package func run() async throws {
    let listener = try await listen()
    let scheme = configuration.tls == nil ? "http" : "https"
    let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    onListening("\(scheme)://\(host):\(listener.localAddress?.port ?? configuration.port)")
    // It throws when the task is cancelled: then the connections are closed at once.
    let isGraceful = (try? await gracefulShutdown()) != nil
    try? await listener.close()  // it may be closed already
    if isGraceful { await drain() }
    for channel in connections.withLock({ Array($0.values) }) { channel.close(promise: nil) }
  }

  // MARK: Listening

  private func listen() async throws -> any Channel {
    let most = configuration.maxConnections
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ConnectionLimit(most: most))
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try configure(channel) }
      }
    do {
      return try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
    } catch {
      throw Failure(
        .internalError,
        "Cannot listen on \(configuration.host):\(configuration.port) (server.host, server.port): \(error)")
    }
  }

  private func configure(_ channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    if let context = tls.current {
      try pipeline.addHandler(NIOSSLServerHandler(context: context))
    }
    try pipeline.addHandler(FrontDoor(state: state, ways: makeWays(channel.eventLoop)))
    remember(channel)
  }

  private func remember(_ channel: any Channel) {
    let id = ObjectIdentifier(channel)
    connections.withLock { $0[id] = channel }
    channel.closeFuture.whenComplete { [self] _ in connections.withLock { $0[id] = nil } }
  }

  // MARK: Stopping

  /// Lets running requests finish: idle connections close now, busy ones after their answer.
  private func drain() async {
    let open = connections.withLock { Array($0.values) }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for channel in open { try? await channel.closeFuture.get() }  // how it closed does not matter
      }
      // Cancelled as soon as all connections have closed.
      tasks.addTask { [configuration] in try? await Task.sleep(for: configuration.shutdownTimeout) }
      await tasks.next()
      for channel in connections.withLock({ Array($0.values) }) { channel.close(promise: nil) }
      tasks.cancelAll()
    }
  }
}

/// The first step of a stop: `/health/ready` says so for `server.shutdown_delay`, while everything is still served, so
/// that load balancers send their requests elsewhere.
package struct ShutdownNotice: Service {
  private let stopFlag: StopFlag
  private let delay: Duration

  /// A notice of `delay`.
  package init(stopFlag: StopFlag, delay: Duration) {
    self.stopFlag = stopFlag
    self.delay = delay
  }

  package func run() async throws {
    try? await gracefulShutdown()  // it throws when the task is cancelled: no notice then
    stopFlag.raise()
    try? await Task.sleep(for: delay)  // it throws when the task is cancelled: no more waiting then
  }
}
