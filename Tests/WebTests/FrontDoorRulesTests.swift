import Kernel
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import Web

@Suite("The door keeps its order, whatever the channel does")
struct FrontDoorRulesTests {
  /// Hands over what arrived when it is told to flush, as a channel does whose write has failed.
  private final class CallsBack: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var waiting: [ByteBuffer]

    init(_ waiting: [ByteBuffer]) {
      self.waiting = waiting
    }

    func flush(context: ChannelHandlerContext) {
      if !waiting.isEmpty { context.fireChannelRead(NIOAny(waiting.removeFirst())) }
      context.flush()
    }
  }

  private static func request(_ id: Int) -> String { "GET /nowhere HTTP/1.1\r\nhost: x\r\nx-request-id: \(id)\r\n\r\n" }

  private static func state() -> ServerState {
    let sink = LogSink(descriptor: -1)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return ServerState(
      routes: RouteTable([]),
      settings: ServerSettings(
        configuration: .init(), authenticator: Authenticator(), strangers: Strangers(limit: 1000)),
      metrics: Metrics(sink: sink, build: "test"), stopFlag: StopFlag(), sink: sink, logger: logger)
  }

  /// A door that has nothing behind it but an empty router.
  private static func door(_ state: ServerState) -> FrontDoor {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let router = RouterBridge(endpoints: Endpoints([]), logger: logger)
    return FrontDoor(state: state, ways: Ways(model: router, router: router))
  }

  /// The ids of the answers that were written, in their order.
  private static func answered(_ channel: EmbeddedChannel) throws -> [Int] {
    var text = ""
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
    return text.split(separator: "x-request-id: ").dropFirst().compactMap { Int($0.prefix(while: \.isNumber)) }
  }

  private static func counted(_ state: ServerState) -> Int {
    let line = state.metrics.exposition().split(separator: "\n").first { $0.hasPrefix("apus_requests_total{") }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
  }

  @Test("Requests that arrive while an answer is written are answered after it, and each is counted once")
  func callsBack() throws {
    let state = Self.state()
    let waiting = (2...5).map { ByteBuffer(string: Self.request($0)) }
    let channel = EmbeddedChannel(handlers: [CallsBack(waiting), Self.door(state)])
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    try channel.writeInbound(ByteBuffer(string: Self.request(1)))
    channel.embeddedEventLoop.run()
    #expect(try Self.answered(channel) == [1, 2, 3, 4, 5])
    #expect(Self.counted(state) == 5)
    #expect(try channel.finish().isClean)
  }

  @Test("A thousand requests in one piece do not hold the loop: others have their turn between")
  func turns() throws {
    let state = Self.state()
    let channel = EmbeddedChannel(handler: Self.door(state))
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    try channel.writeInbound(ByteBuffer(string: (1...1000).map(Self.request).joined()))
    let first = try Self.answered(channel)
    #expect(!first.isEmpty && first.count < 50)
    channel.embeddedEventLoop.run()
    #expect(first + (try Self.answered(channel)) == Array(1...1000))
    #expect(Self.counted(state) == 1000)
    #expect(try channel.finish().isClean)
  }
}
