import Glibc
package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// A provider on loopback that answers each request with the steps of a script, and remembers what reached it.
package final class ScriptedUpstream: Sendable {
  /// One step of an answer. After the last one the connection stays open, and is silent.
  package enum Step: Sendable {
    /// Bytes as they stand; goes on when the system has taken them.
    case send(ByteBuffer)
    /// Goes on when the test opens the gate.
    case wait(Gate)
    /// Closes with a farewell.
    case close
    /// Closes with a reset, so that what was sent may be lost.
    case reset
  }

  /// A request as it came.
  package struct Request: Sendable {
    /// Its method.
    package var method: HTTPMethod
    /// Its target.
    package var path: String
    /// Its headers, in their order.
    package var headers: HTTPHeaders
    /// Its whole body.
    package var body: String
    /// Which connection it came on, counted from 0.
    package var connection: Int
  }

  /// What has happened so far.
  package struct Seen: Sendable {
    /// Connections that were accepted.
    package var connections = 0
    /// Which of them are closed, by whomever.
    package var closed: Set<Int> = []
    /// In the order of their ends.
    package var requests: [Request] = []
    /// Bytes of answers that the system has taken.
    package var sentBytes = 0
  }

  /// Chooses the script for a request.
  package typealias Script = @Sendable (Request) -> [Step]

  /// What has happened so far, and a way to wait for more.
  package let seen = Watched(Seen())
  private let script: Script
  private let channels = Mutex<[any Channel]>([])

  private init(_ script: @escaping Script) {
    self.script = script
  }

  /// Starts one on a free port.
  package static func start(_ script: @escaping Script) async throws -> ScriptedUpstream {
    let upstream = ScriptedUpstream(script)
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Small, so that a reader who does not read is felt soon.
      .childChannelOption(.socketOption(.so_sndbuf), value: 64 << 10)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try upstream.accept(channel) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    upstream.channels.withLock { $0.insert(listener, at: 0) }
    return upstream
  }

  /// Where it listens.
  package var port: Int { channels.withLock { $0.first?.localAddress?.port } ?? 0 }

  /// Closes everything.
  package func stop() {
    for channel in channels.withLock({ $0 }) { channel.close(promise: nil) }
  }

  private func accept(_ channel: any Channel) throws {
    channels.withLock { $0.append(channel) }
    let number = seen.change { seen in
      defer { seen.connections += 1 }
      return seen.connections
    }
    channel.closeFuture.whenComplete { [seen] _ in seen.change { _ = $0.closed.insert(number) } }
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
    try pipeline.addHandler(Receiver(connection: number, upstream: self))
  }

  fileprivate func answer(_ request: Request, on channel: any Channel) {
    seen.change { $0.requests.append(request) }
    let steps = script(request)
    Task {
      // A script ends where its connection does.
      for step in steps { try await perform(step, on: channel) }
    }
  }

  private func perform(_ step: Step, on channel: any Channel) async throws {
    switch step {
    case .send(let bytes):
      try await channel.writeAndFlush(bytes)
      seen.change { $0.sentBytes += bytes.readableBytes }
    case .wait(let gate): try await gate.pass()
    case .close: try await channel.close()
    case .reset: try await channel.reset()
    }
  }
}

/// Puts requests together.
private final class Receiver: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private let connection: Int
  private let upstream: ScriptedUpstream
  private var head: HTTPRequestHead?
  private var body = ByteBuffer()

  init(connection: Int, upstream: ScriptedUpstream) {
    self.connection = connection
    self.upstream = upstream
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = ByteBuffer()
    case .body(var piece):
      body.writeBuffer(&piece)
    case .end:
      guard let head else { return }
      upstream.answer(
        ScriptedUpstream.Request(
          method: head.method, path: head.uri, headers: head.headers, body: String(buffer: body),
          connection: connection),
        on: context.channel)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

extension Channel {
  /// Closes with a reset instead of a farewell.
  func reset() async throws {
    try await (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try await close()
  }
}
