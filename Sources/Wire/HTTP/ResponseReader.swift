package import NIOCore

/// Reads the answers of one upstream connection from the bytes that arrive: a pure state machine.
///
/// Source: RFC 9112 (HTTP/1.1).
package struct ResponseReader: Sendable {
  /// One step of an answer.
  package typealias Part = MessagePart<ResponseHead>

  private var message = MessageReader()

  /// A connection on which nothing came yet.
  package init() {}

  /// Bytes that arrived and were not read yet.
  package var pendingBytes: Int { message.pendingBytes }

  /// Whether an answer that has begun is whole when the connection ends now.
  package var endsAtClose: Bool { message.endsAtClose }

  /// Takes what arrived.
  package mutating func feed(_ bytes: ByteBuffer) {
    message.feed(bytes)
  }

  /// The next step; nil when it needs more bytes.
  ///
  /// - Throws: once; what comes after that is handed over as body, and never ends.
  package mutating func next() throws(HTTPSyntaxError) -> Part? {
    try message.next(begin: Self.checkBeginning) { bytes throws(HTTPSyntaxError) in try Self.parse(bytes) }
  }

  /// What is no HTTP is known by its first bytes: its end may never come.
  private static func checkBeginning(_ bytes: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Int {
    let expected: StaticString = "HTTP/1."
    let isRight = zip(bytes, 0..<expected.utf8CodeUnitCount).allSatisfy { $0 == expected.utf8Start[$1] }
    guard isRight else { throw .malformed("an answer begins with HTTP/1.1 or HTTP/1.0") }
    return 0
  }

  // MARK: One head

  /// Reads a final head; those of 1xx only announce it (RFC 9110, section 15.2).
  private static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPSyntaxError) -> (ResponseHead, MessageBody.Framing)? {
    let end = try HTTPHead.firstLineEnd(in: bytes)
    let (status, isHTTP10) = try statusLine(UnsafeRawBufferPointer(rebasing: bytes[0..<end]))
    guard status != 101 else { throw .malformed("an upgrade that nobody asked for") }
    let lines = try HTTPHead.lines(in: bytes, from: end + 2)
    guard status >= 200 else { return nil }
    let framing = try framing(of: lines, status: status)
    // HTTP/1.0 knows no chunks: whoever sends them there is trusted with one answer (RFC 9112, section 6.1).
    let isOdd = isHTTP10 && framing == .chunked
    let keepsAlive = framing != .untilClose && !isOdd && lines.keepAlive(isHTTP10: isHTTP10)
    return (ResponseHead(status, lines, keepsAlive: keepsAlive), framing)
  }

  /// Reads `HTTP/1.x SP status SP [ reason ]`; the last space may be missing, as many servers leave it out.
  private static func statusLine(
    _ line: UnsafeRawBufferPointer
  ) throws(HTTPSyntaxError) -> (status: Int, isHTTP10: Bool) {
    let version: StaticString = "HTTP/1."
    let start = version.utf8CodeUnitCount
    guard line.count >= start + 5, line.holds(version, at: 0),
      line[start] == UInt8(ascii: "0") || line[start] == UInt8(ascii: "1"), line[start + 1] == 0x20
    else { throw .malformed("an answer begins with HTTP/1.1 or HTTP/1.0") }
    var status = 0
    for byte in line[(start + 2)..<(start + 5)] {
      guard byte &- UInt8(ascii: "0") < 10 else { throw .malformed("a status has three digits") }
      status = status * 10 + Int(byte - UInt8(ascii: "0"))
    }
    let reason = line[(start + 5)...]
    guard status >= 100, reason.isEmpty || reason.first == 0x20, reason.allSatisfy(\.isFieldByte) else {
      throw .malformed("a status has three digits, with a space behind them")
    }
    return (status, line[start] == UInt8(ascii: "0"))
  }

  /// How the body's end is told (RFC 9112, section 6.3).
  private static func framing(of lines: HeaderLines, status: Int) throws(HTTPSyntaxError) -> MessageBody.Framing {
    let framing = try announcedFraming(lines)
    return status == 204 || status == 304 ? .length(0) : framing
  }

  private static func announcedFraming(_ lines: HeaderLines) throws(HTTPSyntaxError) -> MessageBody.Framing {
    let lengths = lines.count(of: "content-length")
    guard lines.contains("transfer-encoding") else {
      guard lengths > 0 else { return .untilClose }
      guard lengths == 1, let length = lines.contentLength else { throw .malformed("Content-Length is one number") }
      return .length(length)
    }
    guard lengths == 0 else { throw .malformed("Content-Length and Transfer-Encoding exclude each other") }
    guard lines.isChunked else { throw .malformed("the only transfer coding that is understood is 'chunked'") }
    return .chunked
  }
}
