import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on loopback that says what a test tells it to say, byte for byte, and writes down what it sees.
///
/// Connections are counted from 0 in the order in which they were accepted.
final class ScriptedServer: Sendable {
  enum Entry: Sendable, Equatable {
    case accepted(Int)
    /// The head of a request came, for this path.
    case head(Int, String)
    /// A request came whole.
    case request(Int, Request)
    /// The other side has closed.
    case closed(Int)
  }

  /// How much of a request the server reads.
  enum Reading: Sendable { case nothing, heads, everything }

  struct Request: Sendable, Equatable {
    var path = ""
    var headers = HTTPHeaders()
    var body = ""
  }

  /// What the server and its connections share.
  final class Desk: Sendable {
    let journal = Journal<Entry>()
    let connections = Mutex<[any Channel]>([])
  }

  let address: SocketAddress
  private let listener: any Channel
  private let desk: Desk

  private init(listener: any Channel, address: SocketAddress, desk: Desk) {
    self.listener = listener
    self.address = address
    self.desk = desk
  }

  /// Listens on a free port.
  static func start(reading: Reading = .everything) async throws -> ScriptedServer {
    let desk = Desk()
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
          try channel.pipeline.syncOperations.addHandler(Connection(desk: desk, reading: reading))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    guard let bound = listener.localAddress else { throw ChannelError.unknownLocalAddress }
    return ScriptedServer(listener: listener, address: bound, desk: desk)
  }

  var port: Int { address.port ?? 0 }
  var entries: [Entry] { desk.journal.entries }
  /// How many connections were accepted so far.
  var acceptedCount: Int { desk.connections.withLock { $0.count } }

  /// Waits for the request number `count` on a connection, both from 0, and returns it.
  @discardableResult
  func request(_ count: Int = 0, on connection: Int = 0) async throws -> Request {
    let requests = { (entries: [Entry]) in
      entries.compactMap { if case .request(connection, let request) = $0 { request } else { nil } }
    }
    return requests(try await desk.journal.wait { requests($0).count > count })[count]
  }

  /// Waits until the entries suffice, and returns them.
  func entries(until suffices: ([Entry]) -> Bool) async throws -> [Entry] {
    try await desk.journal.wait(until: suffices)
  }

  func wait(for entry: Entry) async throws {
    try await desk.journal.wait { $0.contains(entry) }
  }

  /// Says `text` on a connection; returns when the system has taken it.
  func send(_ text: String, on connection: Int = 0) async throws {
    try await sending(ByteBuffer(string: text), on: connection).get()
  }

  /// Says `bytes` on a connection; the future is there when the system has taken them.
  func sending(_ bytes: ByteBuffer, on connection: Int = 0) -> EventLoopFuture<Void> {
    channel(connection).writeAndFlush(bytes)
  }

  func close(_ connection: Int = 0) async throws {
    try await channel(connection).close()
  }

  /// Stops listening and closes what is open; a closed connection is no mistake here.
  func stop() async {
    try? await listener.close()
    for channel in desk.connections.withLock({ $0 }) { try? await channel.close() }
  }

  private func channel(_ connection: Int) -> any Channel {
    desk.connections.withLock { $0[connection] }
  }

  private final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let desk: Desk
    private let reading: Reading
    private var number = 0
    private var request = Request()
    private var isReading = true

    init(desk: Desk, reading: Reading) {
      self.desk = desk
      self.reading = reading
    }

    func channelActive(context: ChannelHandlerContext) {
      let channel = context.channel
      number = desk.connections.withLock { connections in
        connections.append(channel)
        return connections.count - 1
      }
      desk.journal.write(.accepted(number))
      if reading != .nothing { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        request = Request(path: head.uri, headers: head.headers)
        isReading = reading == .everything
        desk.journal.write(.head(number, head.uri))
      case .body(let piece):
        request.body += String(buffer: piece)
      case .end:
        desk.journal.write(.request(number, request))
      }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
      if isReading { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
      desk.journal.write(.closed(number))
    }

    /// A connection that is reset is closed.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
