package import NIOCore
import NIOHTTP1

/// Reads the requests of one connection, one after the other, from the bytes that arrive: a pure state machine.
///
/// What could be read in two ways is refused, so that nothing can be smuggled past whoever stands before Apus.
///
/// Source: RFC 9112 (HTTP/1.1).
package struct RequestReader: Sendable {
  /// One step of a request.
  package typealias Part = MessagePart<RequestHead>

  private static let maximumMethodBytes = 32

  private var message = MessageReader()

  /// A connection on which nothing came yet.
  package init() {}

  /// Bytes that arrived and were not read yet.
  package var pendingBytes: Int { message.pendingBytes }

  /// Takes what arrived.
  package mutating func feed(_ bytes: ByteBuffer) {
    message.feed(bytes)
  }

  /// The next step; nil when it needs more bytes.
  ///
  /// - Throws: once; what comes after that is handed over as body, and never ends.
  package mutating func next() throws(HTTPSyntaxError) -> Part? {
    try message.next(begin: Self.emptyLines) { bytes throws(HTTPSyntaxError) in try Self.parse(bytes) }
  }

  /// Empty lines before a request are left out (RFC 9112, section 2.2).
  private static func emptyLines(_ bytes: UnsafeRawBufferPointer) -> Int {
    bytes.firstIndex { $0 != 0x0D && $0 != 0x0A } ?? bytes.count
  }

  // MARK: One head

  private static func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPSyntaxError) -> (RequestHead, MessageBody.Framing) {
    let end = try HTTPHead.firstLineEnd(in: bytes)
    let (method, target, isHTTP10) = try requestLine(UnsafeRawBufferPointer(rebasing: bytes[0..<end]))
    let lines = try HTTPHead.lines(in: bytes, from: end + 2)
    var head = RequestHead(method, target, isHTTP10: isHTTP10, lines)
    let framing = try framing(of: head)
    if case .length(let length) = framing { head.contentLength = length } else { head.contentLength = nil }
    return (head, framing)
  }

  /// Reads `method SP target SP HTTP/1.x`.
  private static func requestLine(
    _ line: UnsafeRawBufferPointer
  ) throws(HTTPSyntaxError) -> (method: HTTPMethod, target: String, isHTTP10: Bool) {
    let version: StaticString = " HTTP/1."
    let suffix = version.utf8CodeUnitCount + 1
    guard line.count > suffix, line.holds(version, at: line.count - suffix),
      let minor = line.last, minor == UInt8(ascii: "0") || minor == UInt8(ascii: "1")
    else { throw .malformed("a request's first line ends with the version, which is 1.1 or 1.0") }
    let rest = line[0..<(line.count - suffix)]
    let method = rest.prefix(while: \.isTokenByte)
    let target = rest[method.endIndex...].dropFirst()
    guard !method.isEmpty, method.count <= maximumMethodBytes, method.endIndex < rest.endIndex,
      rest[method.endIndex] == 0x20, !target.isEmpty, target.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw .malformed("a request's first line is a method, a target and a version, with one space between") }
    return (HTTPMethod(token: method), String(decoding: target, as: UTF8.self), minor == UInt8(ascii: "0"))
  }

  /// How the body's end is told (RFC 9112, sections 3.2 and 6).
  private static func framing(of head: RequestHead) throws(HTTPSyntaxError) -> MessageBody.Framing {
    let hosts = head.lines.count(of: "host")
    guard hosts == 1 || (hosts == 0 && head.isHTTP10) else { throw .malformed("exactly one Host header is needed") }
    let lengths = head.lines.count(of: "content-length")
    guard head.lines.contains("transfer-encoding") else {
      guard lengths > 0 else { return .length(0) }
      guard lengths == 1, let length = head.lines.contentLength else {
        throw .malformed("Content-Length is one number")
      }
      return .length(length)
    }
    guard lengths == 0 else { throw .malformed("Content-Length and Transfer-Encoding exclude each other") }
    guard !head.isHTTP10 else { throw .malformed("HTTP/1.0 knows no transfer codings") }
    guard head.lines.isChunked else { throw .malformed("the only transfer coding that is understood is 'chunked'") }
    return .chunked
  }
}

extension HeaderLines {
  /// Whether there is one transfer coding, and it is `chunked`.
  var isChunked: Bool { count(of: "transfer-encoding") == 1 && first("transfer-encoding", is: "chunked") }

  /// The value of the first `Content-Length`; nil where it is not a number, or one that another reader might fold into
  /// 64 bits. One beyond `Int` is taken for the largest.
  var contentLength: Int? {
    withFirst("content-length") { value -> Int? in
      guard (1...19).contains(value.count), value.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
      return Int(clamping: value.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) })
    } ?? nil
  }
}

extension HTTPMethod {
  /// The two that are asked most are known by their length.
  fileprivate init(token: Slice<UnsafeRawBufferPointer>) {
    if token.count == 4, token.elementsEqual("POST".utf8) {
      self = .POST
    } else if token.count == 3, token.elementsEqual("GET".utf8) {
      self = .GET
    } else {
      self.init(rawValue: String(decoding: token, as: UTF8.self))
    }
  }
}
