import Glibc
import NIOCore
import NIOPosix

/// A pipe to write lines into, such as a log's, and what came out at its other end.
///
/// The writing end stays open as long as the process, since whoever got it may keep it as long.
package final class LineTap: Sendable {
  /// The writing end.
  package let descriptor: Int32
  /// The whole lines so far, without their line breaks.
  package let lines = Watched<[String]>([])

  private init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Makes a pipe and begins to read it.
  package static func open() async throws -> LineTap {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
    let tap = LineTap(descriptor: ends[1])
    _ = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { [lines = tap.lines] channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Splitter(lines)) }
      }
      .takingOwnershipOfDescriptor(input: ends[0]).get()
    return tap
  }
}

/// Cuts what comes into lines.
private final class Splitter: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let lines: Watched<[String]>
  private var held = ByteBuffer()

  init(_ lines: Watched<[String]>) {
    self.lines = lines
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    held.writeImmutableBuffer(unwrapInboundIn(data))
    while let end = held.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
      let line = held.readString(length: end - held.readerIndex)
    {
      held.moveReaderIndex(forwardBy: 1)
      lines.change { $0.append(line) }
    }
  }
}
