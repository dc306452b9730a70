import NIOCore
import NIOEmbedded
import NIOHTTP1

/// How NIO's parser reads a connection.
enum HTTPReferee {
  /// It has to be told how many answers to expect.
  private static let answers = 4

  static func requests(in input: UnsafeRawBufferPointer) -> HTTPSubject.Course {
    let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
    return course(of: input, through: channel) { (part: HTTPServerRequestPart) in
      switch part {
      case .head(let head):
        // What it takes for the beginning of another protocol it does not read.
        guard head.method != .CONNECT, !head.headers.contains(name: "upgrade") else { return nil }
        let line = "\(head.method.rawValue) \(head.uri) HTTP/1.\(head.version.minor)"
        return .begin(HTTPSubject.Message(head: [line] + lines(head.headers), keepsAlive: head.isKeepAlive))
      case .body(let piece): return .add(piece)
      case .end: return .end
      }
    }
  }

  static func answers(in input: UnsafeRawBufferPointer) -> HTTPSubject.Course {
    let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPResponseDecoder()))
    for _ in 0..<answers {
      let request = HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
      channel.write(request, promise: nil)
    }
    return course(of: input, through: channel) { (part: HTTPClientResponsePart) in
      switch part {
      case .head(let head):
        return .begin(
          HTTPSubject.Message(head: ["\(head.status.code)"] + lines(head.headers), keepsAlive: head.isKeepAlive))
      case .body(let piece): return .add(piece)
      case .end: return .end
      }
    }
  }

  private enum Step {
    case begin(HTTPSubject.Message)
    case add(ByteBuffer)
    case end
  }

  /// `step` says what a part is, or nil where reading ends.
  private static func course<Part>(
    of input: UnsafeRawBufferPointer, through channel: EmbeddedChannel, _ step: (Part) -> Step?
  ) -> HTTPSubject.Course {
    var course = HTTPSubject.Course()
    do {
      try channel.writeInbound(ByteBuffer(bytes: input))
    } catch {
      course.isRefused = true
    }
    // A message that ends with its connection ends now; one that is cut off is an error that says nothing new.
    _ = try? channel.finish()
    // Throws for a part of another type, of which there is none.
    while let part = try? channel.readInbound(as: Part.self) {
      switch step(part) {
      case .begin(let message): course.begin(message)
      case .add(let piece): course.add(piece)
      case .end: course.end()
      case nil:
        course.isRefused = true
        return course
      }
    }
    return course
  }

  /// NIO leaves the space behind a value, which is no part of it (RFC 9110, section 5.5).
  private static func lines(_ headers: HTTPHeaders) -> [String] {
    headers.map { name, value in
      let blank = value.utf8.reversed().prefix { $0 == 0x20 || $0 == 0x09 }.count
      return "\(name): \(String(value.utf8.dropLast(blank)) ?? value)"
    }
  }
}
