package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL

/// The connections to one upstream from one event loop: kept alive, bounded, used on that loop alone.
package final class UpstreamPool {
  let origin: UpstreamOrigin
  let limits: UpstreamLimits
  private let loop: any EventLoop
  private let tls: NIOSSLContext?
  /// The most recently used connection is last, and is used next: the others may grow old and go.
  private var idle: [UpstreamConnection] = []
  private var open: [ObjectIdentifier: UpstreamConnection] = [:]
  private var waiting = CircularBuffer<UpstreamCall>()

  /// A pool without a connection; `tls` is needed for a secure origin.
  package init(origin: UpstreamOrigin, limits: UpstreamLimits, tls: NIOSSLContext?, loop: any EventLoop) {
    self.origin = origin
    self.limits = limits
    self.tls = tls
    self.loop = loop
  }

  /// Sends a request on an idle connection or a new one; its answer goes to `receiver`.
  package func start(_ request: UpstreamRequest, for receiver: any UpstreamReceiver) -> UpstreamCall {
    let call = UpstreamCall(request, for: receiver)
    dispatch(call)
    return call
  }

  /// How many connections are open, idle ones included.
  package var connectionCount: Int { open.count }

  /// Closes the idle connections; the busy ones close when their answer ends.
  package func retire() {
    let connections = idle
    idle.removeAll()
    for connection in connections { connection.cancel() }
  }

  private func dispatch(_ call: UpstreamCall) {
    if let connection = idle.popLast() {
      connection.begin(call)
    } else if open.count < limits.connections {
      connect(for: call)
    } else if waiting.count < limits.waiting {
      wait(call)
    } else {
      // After this turn of the loop, since the caller has not got its handle yet.
      loop.assumeIsolated().execute { call.fail(.exhausted) }
    }
  }

  private func wait(_ call: UpstreamCall) {
    call.waitTimer = loop.assumeIsolated().scheduleTask(in: limits.wait) { [weak call] in call?.fail(.exhausted) }
    waiting.append(call)
  }

  private func serveWaiting() {
    while let call = waiting.popFirst() {
      guard !call.isCancelled else { continue }
      call.waitTimer?.cancel()
      return dispatch(call)
    }
  }

  // MARK: What connections report

  func opened(_ connection: UpstreamConnection) {
    if let call = connection.owner, !call.isCancelled {
      connection.begin(call)
    } else {
      idle(connection)
    }
  }

  func idle(_ connection: UpstreamConnection) {
    idle.append(connection)
    connection.keepIdle(until: .now() + limits.keepAlive)
    serveWaiting()
  }

  func closed(_ connection: UpstreamConnection) {
    idle.removeAll { $0 === connection }
    open.removeValue(forKey: ObjectIdentifier(connection))
    serveWaiting()
  }

  func retry(_ call: UpstreamCall) {
    guard !call.isCancelled else { return }
    connect(for: call)
  }

  // MARK: Connecting

  private func connect(for call: UpstreamCall) {
    let connection = UpstreamConnection(pool: self)
    connection.reserve(for: call)
    open[ObjectIdentifier(connection)] = connection
    let timer = loop.assumeIsolated().scheduleTask(in: limits.connect) { connection.abandon(.connectTimeout) }
    bind(connection).assumeIsolated().whenComplete { [self] result in
      guard case .failure(let error) = result else { return }
      timer.cancel()
      connection.abandon(error is ChannelError ? .connectTimeout : .unreachable("\(error)"))
      closed(connection)
    }
  }

  private func bind(_ connection: UpstreamConnection) -> EventLoopFuture<any Channel> {
    let bound = NIOLoopBound((self, connection), eventLoop: loop)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(limits.connect)
      .channelOption(.autoRead, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (pool, connection) = bound.value
          try pool.configure(channel, for: connection)
        }
      }
    switch origin.address {
    case .unix(let path):
      return bootstrap.connect(unixDomainSocketPath: path)
    case .tcp(let host, let port):
      return bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
    }
  }

  private func configure(_ channel: any Channel, for connection: UpstreamConnection) throws {
    let pipeline = channel.pipeline.syncOperations
    if origin.isSecure, let tls, case .tcp(let host, _) = origin.address {
      // A name for SNI and verification; an address is verified as such, and must not be sent as a name.
      let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil  // throws for what is a name
      try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host))
    }
    try pipeline.addHandler(HTTPRequestEncoder())
    try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
    try pipeline.addHandler(connection)
  }
}
