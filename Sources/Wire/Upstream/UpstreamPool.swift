package import NIOCore
import NIOPosix
package import NIOSSL

/// The connections to one upstream from one event loop: kept alive, bounded, used on that loop alone.
package final class UpstreamPool {
  let origin: UpstreamOrigin
  let limits: UpstreamLimits
  /// The value of the `Host` header.
  let authority: String
  private let loop: any EventLoop
  private let tls: NIOSSLContext?
  /// The most recently used connection is last, and is used next: the others may grow old and go.
  private var idle: [UpstreamConnection] = []
  private var open: [ObjectIdentifier: UpstreamConnection] = [:]
  private var waiting = CircularBuffer<UpstreamCall>()

  /// A pool without a connection; `tls` is needed for a secure origin.
  package init(origin: UpstreamOrigin, limits: UpstreamLimits, tls: NIOSSLContext?, loop: any EventLoop) {
    self.origin = origin
    authority = origin.authority
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

  private func dispatch(_ call: UpstreamCall) {
    if let connection = idle.popLast() {
      connection.begin(call)
    } else if open.count < limits.connections {
      connect(for: call)
    } else if hasRoomToWait() {
      wait(call)
    } else {
      // After this turn of the loop, since the caller has not got its handle yet.
      loop.assumeIsolated().execute { call.fail(.exhausted) }
    }
  }

  /// Whether one more may wait; those that have left give up their places first.
  private func hasRoomToWait() -> Bool {
    if waiting.count >= limits.waiting { waiting.removeAll(where: \.isCancelled) }
    return waiting.count < limits.waiting
  }

  private func wait(_ call: UpstreamCall) {
    call.waitTimer = loop.assumeIsolated().scheduleTask(in: limits.wait) { [weak call] in call?.fail(.exhausted) }
    waiting.append(call)
  }

  private func serveWaiting() {
    while !idle.isEmpty || open.count < limits.connections, let call = waiting.popFirst() {
      guard !call.isCancelled else { continue }
      call.waitTimer?.cancel()
      return dispatch(call)
    }
  }

  // MARK: What connections report

  func opened(_ connection: UpstreamConnection) {
    if let call = connection.owner {
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

  /// A connection that is about to close serves nobody any more.
  func forget(_ connection: UpstreamConnection) {
    idle.removeAll { $0 === connection }
  }

  func closed(_ connection: UpstreamConnection) {
    forget(connection)
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
    connection.connectTimer = loop.assumeIsolated().scheduleTask(in: limits.connect) {
      connection.abandon(.connectTimeout)
    }
    bind(connection).assumeIsolated().whenComplete { [self] result in
      guard case .failure(let error) = result else { return }
      connection.abandon(error is ChannelError ? .connectTimeout : .unreachable("\(error)"))
      closed(connection)
    }
  }

  private func bind(_ connection: UpstreamConnection) -> EventLoopFuture<any Channel> {
    let bound = NIOLoopBound((self, connection), eventLoop: loop)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(limits.connect)
      .channelOption(.autoRead, value: false)
    let connected =
      switch origin.address {
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      case .tcp(let host, let port):
        bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
      }
    // A name with several addresses is tried on several channels: only the one that won gets the handlers.
    return connected.flatMapThrowing { channel in
      let (pool, connection) = bound.value
      do {
        try pool.configure(channel, for: connection)
        return channel
      } catch {
        channel.close(promise: nil)
        throw error
      }
    }
  }

  private func configure(_ channel: any Channel, for connection: UpstreamConnection) throws {
    guard channel.isActive, !connection.isAbandoned else { throw ChannelError.alreadyClosed }
    let pipeline = channel.pipeline.syncOperations
    if origin.isSecure {
      // Never in the clear for want of certificates.
      guard let tls, case .tcp(let host, _) = origin.address else { throw UpstreamFault.insecure("no certificates") }
      // A name for SNI and verification; an address is verified as such, and must not be sent as a name.
      let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil  // throws for what is a name
      try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host))
    }
    try pipeline.addHandler(connection)
    // Only now is there somebody to read for.
    try channel.syncOptions?.setOption(.autoRead, value: true)
    connection.start()
  }
}
