package import NIOCore

/// One step of a message.
package enum MessagePart<Head: Sendable>: Sendable {
  case head(Head)
  case body(ByteBuffer)
  case end
}

/// What the readers of requests and of answers do alike: it holds the bytes that wait, and knows how far the message
/// of this moment is read.
struct MessageReader: Sendable {
  private enum Phase {
    case head(searched: Int)
    case body(MessageBody)
    /// Something was refused: what follows is no message any more, whatever it looks like.
    case unreadable
  }

  private var phase = Phase.head(searched: 0)
  private var buffer = ByteBuffer()

  /// Bytes that arrived and were not read yet.
  var pendingBytes: Int { buffer.readableBytes }

  /// Whether a message that has begun is whole when the connection ends now.
  var endsAtClose: Bool {
    if case .body(let body) = phase { body.endsAtClose } else { false }
  }

  /// Takes what arrived.
  mutating func feed(_ bytes: ByteBuffer) {
    guard buffer.readableBytes > 0 else { return buffer = bytes }
    // What was read before is not kept: a stream may never end between two pieces.
    buffer.discardReadBytes()
    buffer.writeImmutableBuffer(bytes)
  }

  /// The next step; nil when it needs more bytes.
  ///
  /// `begin` looks at what stands where a head begins, and returns how much of it is passed over; `parse` reads a whole
  /// head, and returns nil for one that only announces another.
  ///
  /// - Throws: once; what comes after that is handed over as body, and never ends.
  mutating func next<Head>(
    begin: (UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Int,
    parse: (UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> (Head, MessageBody.Framing)?
  ) throws(HTTPSyntaxError) -> MessagePart<Head>? {
    // What was read whole gives its memory back at once, for the next piece to arrive in.
    defer { if buffer.readableBytes == 0 { buffer = ByteBuffer() } }
    do throws(HTTPSyntaxError) {
      switch phase {
      case .head(let searched): return try head(searched: searched, begin: begin, parse: parse).map { .head($0) }
      case .body(let body): return try next(of: body)
      case .unreadable:
        return buffer.readSlice(length: buffer.readableBytes).flatMap { $0.readableBytes > 0 ? .body($0) : nil }
      }
    } catch {
      phase = .unreadable
      throw error
    }
  }

  private mutating func next<Head>(of body: MessageBody) throws(HTTPSyntaxError) -> MessagePart<Head>? {
    var body = body
    let part = try body.next(from: &buffer)
    phase = .body(body)
    switch part {
    case .piece(let piece): return .body(piece)
    case nil: return nil
    case .end:
      phase = .head(searched: 0)
      return .end
    }
  }

  private mutating func head<Head>(
    searched: Int, begin: (UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Int,
    parse: (UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> (Head, MessageBody.Framing)?
  ) throws(HTTPSyntaxError) -> Head? {
    var searched = searched
    while true {
      let passed = try buffer.withUnsafeReadableBytes { bytes throws(HTTPSyntaxError) in try begin(bytes) }
      buffer.moveReaderIndex(forwardBy: passed)
      let known = max(0, searched - passed)
      let length = try buffer.withUnsafeReadableBytes { bytes throws(HTTPSyntaxError) in
        try HTTPHead.length(in: bytes, searched: known)
      }
      guard let length else {
        phase = .head(searched: buffer.readableBytes)
        return nil
      }
      let read = try buffer.withUnsafeReadableBytes { bytes throws(HTTPSyntaxError) in
        try parse(UnsafeRawBufferPointer(rebasing: bytes[0..<length]))
      }
      buffer.moveReaderIndex(forwardBy: length)
      searched = 0
      guard let (head, framing) = read else { continue }
      phase = .body(MessageBody(framing))
      return head
    }
  }
}
