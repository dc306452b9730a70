import NIOCore

/// Cuts the body of one message out of the bytes that arrive, as pure state.
///
/// Source: RFC 9112, sections 6 and 7.1.
struct MessageBody: Sendable {
  /// How the end of a body is told.
  enum Framing: Sendable, Equatable {
    /// By its length; 0 for a message without a body.
    case length(Int)
    /// By a chunk of no bytes.
    case chunked
    /// By the end of the connection.
    case untilClose
  }

  /// What was cut out.
  enum Part {
    case piece(ByteBuffer)
    case end
  }

  private enum Phase {
    case length(Int)
    case chunkSize
    case chunk(Int)
    case chunkEnd
    case trailers(Int)
    case untilClose
    case over
  }

  /// The longest line that tells a chunk's size, extensions included.
  private static let maximumSizeLineBytes = 256
  /// The longest trailers; they are read and thrown away.
  private static let maximumTrailerBytes = 8 << 10

  private var phase: Phase

  init(_ framing: Framing) {
    switch framing {
    case .length(let length): phase = .length(length)
    case .chunked: phase = .chunkSize
    case .untilClose: phase = .untilClose
    }
  }

  /// Whether the body is whole when the connection ends now.
  var endsAtClose: Bool {
    if case .untilClose = phase { true } else { false }
  }

  /// Takes the next part off the front of `buffer`; nil when it needs more bytes.
  mutating func next(from buffer: inout ByteBuffer) throws(HTTPSyntaxError) -> Part? {
    while true {
      switch phase {
      case .length(0):
        phase = .over
        return .end
      case .length(let rest):
        guard let piece = buffer.readPiece(upTo: rest) else { return nil }
        phase = .length(rest - piece.readableBytes)
        return .piece(piece)
      case .chunkSize:
        guard let size = try chunkSize(from: &buffer) else { return nil }
        phase = size == 0 ? .trailers(0) : .chunk(size)
      case .chunk(let rest):
        guard let piece = buffer.readPiece(upTo: rest) else { return nil }
        phase = piece.readableBytes == rest ? .chunkEnd : .chunk(rest - piece.readableBytes)
        return .piece(piece)
      case .chunkEnd:
        guard buffer.readableBytes >= 2 else { return nil }
        guard let end = buffer.readInteger(as: UInt16.self), end == 0x0D0A else {
          throw .malformed("CR LF stands behind a chunk")
        }
        phase = .chunkSize
      case .trailers(let length):
        guard let line = try trailer(from: &buffer, after: length) else { return nil }
        guard line > 0 else {
          phase = .over
          return .end
        }
        phase = .trailers(length + line)
      case .untilClose:
        return buffer.readPiece(upTo: .max).map { .piece($0) }
      case .over:
        return nil
      }
    }
  }

  /// Reads `size [ ";" extensions ] CR LF`.
  private func chunkSize(from buffer: inout ByteBuffer) throws(HTTPSyntaxError) -> Int? {
    let read = try buffer.withUnsafeReadableBytes { bytes throws(HTTPSyntaxError) -> (size: Int, length: Int)? in
      guard let newline = bytes.index(of: UInt8(ascii: "\n"), from: 0) else {
        guard bytes.count < Self.maximumSizeLineBytes else { throw Self.badSize }
        return nil
      }
      var size = 0
      var position = 0
      while let digit = bytes[position].hexadecimalValue {
        // Sixteen digits would overflow; seven are 256 MiB, more than any body here may have in one piece.
        guard position < 15 else { throw Self.badSize }
        size = size << 4 | Int(digit)
        position += 1
      }
      guard position > 0, newline < Self.maximumSizeLineBytes, bytes[newline - 1] == UInt8(ascii: "\r") else {
        throw Self.badSize
      }
      let extensions = bytes[position..<(newline - 1)]
      guard extensions.isEmpty || extensions.drop(while: \.isBlank).first == UInt8(ascii: ";"),
        extensions.allSatisfy(\.isFieldByte)
      else { throw Self.badSize }
      return (size, newline + 1)
    }
    guard let read else { return nil }
    buffer.moveReaderIndex(forwardBy: read.length)
    return read.size
  }

  private static let badSize = HTTPSyntaxError.malformed("a chunk begins with its size in hexadecimal digits")

  /// Reads one line behind the last chunk: its length, 0 for the empty one, nil when it is not whole.
  private func trailer(from buffer: inout ByteBuffer, after length: Int) throws(HTTPSyntaxError) -> Int? {
    let line = try buffer.withUnsafeReadableBytes { bytes throws(HTTPSyntaxError) -> Int? in
      let newline = bytes.index(of: UInt8(ascii: "\n"), from: 0)
      guard length + (newline ?? bytes.count) < Self.maximumTrailerBytes else { throw .headTooLarge }
      guard let newline else { return nil }
      guard newline > 0, bytes[newline - 1] == UInt8(ascii: "\r") else { throw .malformed("a line ends with CR LF") }
      if newline > 1 { _ = try HTTPHead.line(in: UnsafeRawBufferPointer(rebasing: bytes[0...newline]), at: 0) }
      return newline + 1
    }
    guard let line else { return nil }
    buffer.moveReaderIndex(forwardBy: line)
    return line == 2 ? 0 : line
  }
}

extension ByteBuffer {
  fileprivate mutating func readPiece(upTo length: Int) -> ByteBuffer? {
    guard readableBytes > 0 else { return nil }
    return readSlice(length: Swift.min(length, readableBytes))
  }
}

extension UInt8 {
  fileprivate var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
