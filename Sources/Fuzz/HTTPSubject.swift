import NIOCore
import NIOHTTP1
import Wire

/// The readers of HTTP: however bytes are cut, they say the same; and a message that both they and NIO's parser take
/// is one message to both, so that no request hides in another.
enum HTTPSubject {
  /// What a connection brought.
  struct Course: Equatable {
    /// The messages that are whole.
    var messages: [Message] = []
    /// The one that is not.
    var unfinished: Message?
    /// Whether reading ended there.
    var isRefused = false

    mutating func begin(_ message: Message) {
      expect(unfinished == nil, "a message begins after the end of the last")
      unfinished = message
    }

    mutating func add(_ piece: ByteBuffer) {
      expect(unfinished != nil && piece.readableBytes > 0, "a piece of a body belongs to a message")
      unfinished?.body += Array(piece.readableBytesView)
    }

    mutating func end() {
      expect(unfinished != nil, "what ends has begun")
      messages += unfinished.map { [$0] } ?? []
      unfinished = nil
    }
  }

  struct Message: Equatable {
    /// Method, target and version, or version and status, and the header lines.
    var head: [String]
    var keepsAlive: Bool
    var body: [UInt8] = []
  }

  static func checkRequests(_ input: UnsafeRawBufferPointer) {
    compare(checkCuts(input) { requests(in: $0, chunk: $1) }, HTTPReferee.requests(in: input))
  }

  static func checkAnswers(_ input: UnsafeRawBufferPointer) {
    compare(checkCuts(input) { answers(in: $0, chunk: $1) }, HTTPReferee.answers(in: input))
  }

  private static func checkCuts(
    _ input: UnsafeRawBufferPointer, _ read: (UnsafeRawBufferPointer, (Int) -> Int) -> Course
  ) -> Course {
    let whole = read(input) { _ in input.count }
    expect(read(input) { _ in 1 } == whole, "byte by byte it is the same")
    var cuts = Cuts(of: input)
    for longest in [3, 40, 300] {
      expect(read(input) { _ in cuts.next(upTo: longest) } == whole, "cut anyhow it is the same")
    }
    return whole
  }

  /// Strictness is no danger, and NIO reads nothing after an upgrade or after the last message of a connection.
  private static func compare(_ ours: Course, _ theirs: Course) {
    for (mine, other) in zip(ours.messages, theirs.messages) {
      expect(mine == other, "\(mine) to us is \(other) to NIO")
      if !mine.keepsAlive { return }
    }
    guard !theirs.isRefused, !ours.isRefused else { return }
    expect(ours.messages.count == theirs.messages.count, "the same messages are whole")
  }

  // MARK: Ours

  private static func requests(in input: UnsafeRawBufferPointer, chunk: (Int) -> Int) -> Course {
    var reader = RequestReader()
    return course(of: input, chunk) { piece, course throws(HTTPSyntaxError) in
      reader.feed(piece)
      while let part = try reader.next() {
        switch part {
        case .head(let head):
          let line = "\(head.method.rawValue) \(head.target) HTTP/1.\(head.isHTTP10 ? 0 : 1)"
          course.begin(Message(head: [line] + head.lines.all.map(text), keepsAlive: head.keepsAlive))
        case .body(let piece): course.add(piece)
        case .end: course.end()
        }
      }
    }
  }

  private static func answers(in input: UnsafeRawBufferPointer, chunk: (Int) -> Int) -> Course {
    var reader = ResponseReader()
    var course = course(of: input, chunk) { piece, course throws(HTTPSyntaxError) in
      reader.feed(piece)
      while let part = try reader.next() {
        switch part {
        case .head(let head):
          course.begin(Message(head: ["\(head.status)"] + head.lines.all.map(text), keepsAlive: head.keepsAlive))
        case .body(let piece): course.add(piece)
        case .end: course.end()
        }
      }
    }
    if reader.endsAtClose, !course.isRefused { course.end() }
    return course
  }

  private static func course(
    of input: UnsafeRawBufferPointer, _ chunk: (Int) -> Int,
    _ feed: (ByteBuffer, inout Course) throws(HTTPSyntaxError) -> Void
  ) -> Course {
    var course = Course()
    var fed = 0
    do throws(HTTPSyntaxError) {
      while fed < input.count {
        let next = min(input.count, fed + chunk(fed))
        try feed(ByteBuffer(bytes: input[fed..<next]), &course)
        fed = next
      }
    } catch {
      course.isRefused = true
    }
    return course
  }

  private static func text(_ line: (name: String, value: String)) -> String { "\(line.name): \(line.value)" }
}
