import NIOCore
import NIOHTTP1
import Wire

/// The first line of an answer, and what the client must know of its body.
struct AnswerHead {
  var status: Int
  var isHTTP10: Bool
  /// An answer to HEAD has the head of the answer to GET, and no body; neither has one of 204 or 304.
  var hasBody: Bool
  var framing: AnswerWriter.Framing
  /// The length of the body, where it is known.
  var length: Int?
}

/// Writes answers as they go over the wire: the head, and a body that is framed as the head says.
///
/// What belongs together is gathered in one buffer, which is used again once it has left.
///
/// Source: RFC 9112, sections 4, 6 and 7.1.
struct AnswerWriter {
  /// How a client learns where the body ends.
  enum Framing {
    /// By the length in the head, or because there is no body.
    case length
    case chunked
    /// By the end of the connection.
    case untilClose
  }

  /// Larger pieces are not copied into the buffer, but sent as they are.
  private static let gatheredBytes = 16 << 10
  /// A larger buffer is not kept for the next time.
  private static let keptBytes = 4 << 10

  private var output = ByteBuffer()
  private var framing = Framing.length
  private var hasBody = true
  /// Used again for each chunk.
  private var sizeLine: [UInt8] = []

  /// Begins an answer: the first line, how the body ends, and `lines`, which hold neither.
  mutating func add(_ head: AnswerHead, lines: HeaderLines) {
    framing = head.framing
    hasBody = head.hasBody
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512 + lines.bytes.count)
    bytes.append(head.isHTTP10 ? "HTTP/1.0 " : "HTTP/1.1 ")
    bytes.append(decimal: head.status)
    bytes.append(" ")
    bytes.append(text: HTTPResponseStatus(statusCode: head.status).reasonPhrase)
    bytes.append("\r\n")
    if let length = head.length {
      bytes.append("content-length: ")
      bytes.append(decimal: length)
      bytes.append("\r\n")
    }
    if case .chunked = framing { bytes.append("transfer-encoding: chunked\r\n") }
    bytes += lines.bytes
    bytes.append("\r\n")
    output.writeBytes(bytes)
  }

  /// Adds a piece of the body; returns what is to be written now, in this order, since a large piece is not copied.
  mutating func add(_ piece: ByteBuffer) -> [ByteBuffer] {
    guard piece.readableBytes > 0, hasBody else { return [] }
    if case .chunked = framing {
      sizeLine.removeAll(keepingCapacity: true)
      sizeLine.append(hexadecimal: piece.readableBytes)
      sizeLine.append("\r\n")
      output.writeBytes(sizeLine)
    }
    var passed: [ByteBuffer] = []
    if piece.readableBytes <= Self.gatheredBytes {
      output.writeImmutableBuffer(piece)
    } else {
      passed = [take(), piece]
    }
    if case .chunked = framing { output.writeStaticString("\r\n") }
    return passed
  }

  /// Ends the body.
  mutating func end() {
    if case .chunked = framing, hasBody { output.writeStaticString("0\r\n\r\n") }
  }

  /// Adds a whole head without an answer to follow: `100 Continue`.
  mutating func addContinue() {
    output.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
  }

  /// Takes what was gathered; it may be nothing.
  mutating func take() -> ByteBuffer {
    defer { output = ByteBuffer() }
    return output
  }

  /// Takes back a buffer that has been written, to gather in it again.
  mutating func reuse(_ written: consuming ByteBuffer) {
    guard output.capacity == 0, written.capacity <= Self.keptBytes else { return }
    written.clear()
    output = written
  }
}
