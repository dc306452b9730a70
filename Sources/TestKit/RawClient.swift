package import NIOCore
import NIOPosix

/// A client that sends exactly the bytes a test gives it, and reads answers piece by piece.
package final class RawClient: Sendable {
  private let channel: any Channel
  private let reader: Watched<AnswerReader>

  private init(channel: any Channel, reader: Watched<AnswerReader>) {
    self.channel = channel
    self.reader = reader
  }

  /// Connects to a port of this machine. One that does not read (`isReading`) has a small buffer in the system, too.
  package static func connect(to port: Int, isReading: Bool = true) async throws -> RawClient {
    let reader = Watched(AnswerReader())
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: isReading)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Inbox(reader: reader)) }
      }
    let small = isReading ? bootstrap : bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
    return RawClient(channel: try await small.connect(host: "127.0.0.1", port: port).get(), reader: reader)
  }

  // MARK: Sending

  /// Sends a text as it stands.
  package func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  /// Sends no more, and goes on reading.
  package func finishSending() async throws {
    do {
      try await channel.close(mode: .output)
    } catch is ChannelError, is IOError {
      // The server was faster: nothing is left to finish.
    }
  }

  /// Goes away.
  package func hangUp() async throws { try await channel.close() }

  /// Goes away with a reset.
  package func reset() async throws { try await channel.reset() }

  /// Begins to read.
  package func startReading() async throws {
    try await channel.setOption(.autoRead, value: true).get()
  }

  // MARK: Reading

  /// The next answer's head. Its body is then read by events, or as a whole.
  package func head(hasBody: Bool = true) async throws -> Answer {
    try await reader.wait(for: "the head of an answer") { try $0.takeHead(hasBody: hasBody) }
  }

  /// The next event of the answer's body; a head before it is passed over.
  package func event() async throws -> String {
    try await reader.wait(for: "an event") { try $0.takeEvent() }
  }

  /// The rest of the answer's body.
  package func body() async throws -> ByteBuffer {
    try await reader.wait(for: "the end of a body") { try $0.takeBody() }
  }

  /// The next answer, whole; `hasBody` is false for one to HEAD.
  package func answer(hasBody: Bool = true) async throws -> Answer {
    var answer = try await head(hasBody: hasBody)
    if answer.status != 100 { answer.body = try await body() }
    return answer
  }

  /// Waits for the end of the connection; returns what came before it and was not read.
  package func end() async throws -> String {
    try await reader.wait(for: "the end of the connection") { $0.takeRest() }
  }
}

/// Gathers what comes.
private final class Inbox: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let reader: Watched<AnswerReader>

  init(reader: Watched<AnswerReader>) {
    self.reader = reader
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let piece = unwrapInboundIn(data)
    reader.change { _ = $0.bytes.writeImmutableBuffer(piece) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    reader.change { $0.isOver = true }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
