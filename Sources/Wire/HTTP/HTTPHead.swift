import Glibc
import NIOCore
package import NIOHTTP1

/// The head of a request.
package struct RequestHead: Sendable {
  /// The method, as it came.
  package var method: HTTPMethod
  /// What is asked for, as it came: a path and a query, mostly.
  package var target: String
  /// Whether the client speaks HTTP/1.0.
  package var isHTTP10: Bool
  /// The header lines.
  package var lines: HeaderLines
  /// How long the body is; nil when only its end tells.
  package var contentLength: Int?

  /// Makes a head without a body.
  package init(_ method: HTTPMethod, _ target: String, isHTTP10: Bool = false, _ lines: HeaderLines = [:]) {
    self.method = method
    self.target = target
    self.isHTTP10 = isHTTP10
    self.lines = lines
    contentLength = 0
  }

  /// Whether the client will send more requests on this connection.
  package var keepsAlive: Bool { lines.keepAlive(isHTTP10: isHTTP10) }
}

/// The head of an answer.
package struct ResponseHead: Sendable {
  /// The status code.
  package var status: Int
  /// The header lines.
  package var lines: HeaderLines
  /// Whether the server will take more requests on this connection.
  package var keepsAlive: Bool

  /// Makes a head.
  package init(_ status: Int, _ lines: HeaderLines = [:], keepsAlive: Bool = true) {
    self.status = status
    self.lines = lines
    self.keepsAlive = keepsAlive
  }
}

extension HeaderLines {
  /// Source: RFC 9112, section 9.3.
  func keepAlive(isHTTP10: Bool) -> Bool {
    guard contains("connection") else { return !isHTTP10 }
    if list("connection", holds: "close") { return false }
    return !isHTTP10 || list("connection", holds: "keep-alive")
  }
}

/// Reads heads: the first line and the header lines, once all of them are there.
///
/// It is stricter than RFC 9112 allows it to be where leniency lets two readers of one message disagree: lines end with
/// CR LF, nothing stands between a name and its colon, lines are not folded.
enum HTTPHead {
  /// The longest head.
  static let maximumBytes = 64 << 10
  /// The longest header line.
  static let maximumLineBytes = 32 << 10
  /// The most header lines.
  static let maximumLines = 200

  /// How long the head at the front of `bytes` is, its empty line included; nil when its end is not there yet.
  ///
  /// `searched` bytes were looked at before, and hold no end.
  static func length(in bytes: UnsafeRawBufferPointer, searched: Int) throws(HTTPSyntaxError) -> Int? {
    var position = max(0, searched - 3)
    while let newline = bytes.index(of: UInt8(ascii: "\n"), from: position) {
      if newline >= 1, bytes[newline - 1] == UInt8(ascii: "\n") { throw .malformed(bareLineFeed) }
      if newline >= 2, bytes[newline - 1] == UInt8(ascii: "\r"), bytes[newline - 2] == UInt8(ascii: "\n") {
        guard newline < maximumBytes else { throw .headTooLarge }
        return newline + 1
      }
      position = newline + 1
    }
    guard bytes.count < maximumBytes else { throw .headTooLarge }
    return nil
  }

  /// Where the first line of a head ends, without its CR LF.
  static func firstLineEnd(in head: UnsafeRawBufferPointer) throws(HTTPSyntaxError) -> Int {
    guard let newline = head.index(of: UInt8(ascii: "\n"), from: 0), newline > 0,
      head[newline - 1] == UInt8(ascii: "\r")
    else { throw .malformed(bareLineFeed) }
    return newline - 1
  }

  /// The header lines of a head, from `start` to the empty line at its end.
  static func lines(in head: UnsafeRawBufferPointer, from start: Int) throws(HTTPSyntaxError) -> HeaderLines {
    let rest = UnsafeRawBufferPointer(rebasing: head[start...])
    let end = rest.count - 2
    var lines: [HeaderLines.Line] = []
    lines.reserveCapacity(16)
    var position = 0
    while position < end {
      guard lines.count < maximumLines else { throw .headTooLarge }
      let (line, next) = try self.line(in: rest, at: position)
      lines.append(line)
      position = next
    }
    return HeaderLines(lines, in: UnsafeRawBufferPointer(rebasing: rest[..<end]))
  }

  /// Reads one header line, which ends with CR LF; returns where the next begins.
  static func line(
    in head: UnsafeRawBufferPointer, at start: Int
  ) throws(HTTPSyntaxError) -> (HeaderLines.Line, next: Int) {
    var position = start
    while head[position].isTokenByte { position += 1 }
    let name = UInt32(start)..<UInt32(position)
    guard !name.isEmpty, head[position] == UInt8(ascii: ":") else {
      throw .malformed("a header's name is a token, with a colon behind it")
    }
    position += 1
    while head[position].isBlank { position += 1 }
    let valueStart = position
    while head[position].isFieldByte { position += 1 }
    guard head[position] == UInt8(ascii: "\r"), head[position + 1] == UInt8(ascii: "\n") else {
      throw .malformed("a header's value is one line of printable characters, with CR LF behind it")
    }
    guard position - start <= maximumLineBytes else { throw .headTooLarge }
    var valueEnd = position
    while valueEnd > valueStart, head[valueEnd - 1].isBlank { valueEnd -= 1 }
    return (HeaderLines.Line(name: name, value: UInt32(valueStart)..<UInt32(valueEnd)), position + 2)
  }

  private static let bareLineFeed = "a line ends with CR LF"
}

extension UInt8 {
  /// A space or a tab.
  var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension UnsafeRawBufferPointer {
  /// Where a byte stands next, from `start` on.
  func index(of byte: UInt8, from start: Int) -> Int? {
    guard start < count, let base = baseAddress else { return nil }
    guard let found = memchr(base + start, Int32(byte), count - start) else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
