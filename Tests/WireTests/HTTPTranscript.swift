import NIOCore
import NIOHTTP1
import Wire

/// What a reader makes of a connection's bytes: every message that it began, and why it stopped.
struct HTTPTranscript: Equatable, CustomStringConvertible {
  struct Message: Equatable {
    /// `POST /a 1.1` of a request, `200` of an answer.
    var start: String
    /// `name: value`, as they were written.
    var lines: [String]
    var keepsAlive: Bool
    var body: [UInt8] = []
    var isWhole = false

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  var messages: [Message] = []
  var refusal: HTTPSyntaxError?
  /// What was not read.
  var pendingBytes = 0
  /// Whether the last message is whole once the connection ends; only answers can be.
  var endsAtClose = false

  /// Whether there is anything wrong, or missing.
  var isWhole: Bool { refusal == nil && pendingBytes == 0 && messages.allSatisfy(\.isWhole) }

  var description: String {
    let messages = messages.map { message in
      "[\(message.start) \(message.lines) \(message.text.debugDescription)\(message.isWhole ? "" : " …")]"
    }
    return messages.joined() + (refusal.map { " \($0)" } ?? "") + " +\(pendingBytes)"
  }

  // MARK: Reading

  /// Reads requests that come in these pieces, up to the first refusal.
  static func requests(_ pieces: some Sequence<[UInt8]>) -> HTTPTranscript {
    var transcript = HTTPTranscript()
    var reader = RequestReader()
    for piece in pieces where transcript.refusal == nil {
      reader.feed(ByteBuffer(bytes: piece))
      do throws(HTTPSyntaxError) {
        while let part = try reader.next() { transcript.add(part) }
      } catch {
        transcript.refusal = error
      }
    }
    transcript.pendingBytes = reader.pendingBytes
    return transcript
  }

  /// Reads answers that come in these pieces, up to the first refusal.
  static func answers(_ pieces: some Sequence<[UInt8]>) -> HTTPTranscript {
    var transcript = HTTPTranscript()
    var reader = ResponseReader()
    for piece in pieces where transcript.refusal == nil {
      reader.feed(ByteBuffer(bytes: piece))
      do throws(HTTPSyntaxError) {
        while let part = try reader.next() { transcript.add(part) }
      } catch {
        transcript.refusal = error
      }
    }
    transcript.pendingBytes = reader.pendingBytes
    transcript.endsAtClose = reader.endsAtClose
    return transcript
  }

  static func requests(_ text: String) -> HTTPTranscript { requests([[UInt8](text.utf8)]) }
  static func answers(_ text: String) -> HTTPTranscript { answers([[UInt8](text.utf8)]) }

  private mutating func add(_ part: RequestReader.Part) {
    switch part {
    case .head(let head):
      begin("\(head.method.rawValue) \(head.target) \(head.isHTTP10 ? "1.0" : "1.1")", head.lines, head.keepsAlive)
    case .body(let piece): add(piece)
    case .end: end()
    }
  }

  private mutating func add(_ part: ResponseReader.Part) {
    switch part {
    case .head(let head): begin("\(head.status)", head.lines, head.keepsAlive)
    case .body(let piece): add(piece)
    case .end: end()
    }
  }

  /// A part in the wrong place becomes a message of its own, which equals none that is expected.
  private var isOpen: Bool { messages.last?.isWhole == false }

  private mutating func begin(_ start: String, _ lines: HeaderLines, _ keepsAlive: Bool) {
    if isOpen { messages.append(Message(start: "a head inside a message", lines: [], keepsAlive: false)) }
    messages.append(Message(start: start, lines: lines.all.map { "\($0.name): \($0.value)" }, keepsAlive: keepsAlive))
  }

  private mutating func add(_ piece: ByteBuffer) {
    if !isOpen { messages.append(Message(start: "a body without a head", lines: [], keepsAlive: false)) }
    if piece.readableBytes == 0 { messages[messages.count - 1].start += ", and an empty piece" }
    messages[messages.count - 1].body += Array(buffer: piece)
  }

  private mutating func end() {
    if !isOpen { messages.append(Message(start: "an end without a head", lines: [], keepsAlive: false)) }
    messages[messages.count - 1].isWhole = true
  }
}

extension RequestReader.Part {
  /// The head, where it is one.
  var head: RequestHead? {
    if case .head(let head) = self { head } else { nil }
  }
}

/// The ways to cut bytes into pieces.
enum Cuts {
  /// Whole, byte by byte, and once at every place.
  static func some(_ bytes: [UInt8]) -> [[[UInt8]]] {
    [[bytes], bytes.map { [$0] }] + (1..<max(1, bytes.count)).map { [Array(bytes[..<$0]), Array(bytes[$0...])] }
  }

  /// Twice, at every two places that are not far apart.
  static func twice(_ bytes: [UInt8]) -> [[[UInt8]]] {
    (1..<max(1, bytes.count)).flatMap { first in
      (first + 1..<max(first + 1, min(first + 6, bytes.count))).map { second in
        [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
      }
    }
  }
}
