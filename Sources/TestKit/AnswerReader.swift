package import NIOCore
package import NIOHTTP1

/// An answer as it came.
package struct Answer: Sendable {
  /// `HTTP/1.1`, as it was written.
  package var version: String
  /// 0 for what is no number.
  package var status: Int
  /// In their order.
  package var headers: HTTPHeaders
  /// Without its framing.
  package var body = ByteBuffer()

  /// The body as text.
  package var text: String { String(buffer: body) }
}

/// The connection ended before what was waited for.
package struct ConnectionEnded: Error {
  /// What had come of it.
  package let received: String
}

/// Reads answers from bytes, step by step; each step returns nil while it needs more.
struct AnswerReader: Sendable {
  private enum Framing: Sendable {
    case head, length(Int), chunks, untilEnd, whole
  }

  var bytes = ByteBuffer()
  var isOver = false
  private var framing = Framing.head
  private var body = ByteBuffer()

  /// The head of the next answer; `hasBody` is false for an answer to HEAD.
  mutating func takeHead(hasBody: Bool) throws -> Answer? {
    guard let text = try takeText(through: "\r\n\r\n", from: \.bytes) else { return nil }
    let lines = text.split(separator: "\r\n")
    let start = lines[0].split(separator: " ")
    var answer = Answer(version: String(start[0]), status: Int(start[1]) ?? 0, headers: HTTPHeaders())
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw ConnectionEnded(received: text) }
      answer.headers.add(
        name: String(line[..<colon]), value: String(line[line.index(after: colon)...].drop { $0 == " " }))
    }
    framing = hasBody ? Self.framing(of: answer) : .whole
    if answer.status == 100 { framing = .head }
    return answer
  }

  private static func framing(of answer: Answer) -> Framing {
    if answer.status == 204 || answer.status == 304 { return .whole }
    if answer.headers.contains(name: "transfer-encoding") { return .chunks }
    return answer.headers.first(name: "content-length").flatMap(Int.init).map { .length($0) } ?? .untilEnd
  }

  /// The rest of the body, once it is whole.
  mutating func takeBody() throws -> ByteBuffer? {
    advance()
    guard case .whole = framing else {
      if isOver { throw ConnectionEnded(received: String(buffer: body)) }
      return nil
    }
    framing = .head
    defer { body = ByteBuffer() }
    return body
  }

  /// The next event of a stream, its empty line included; a head before it is passed over.
  mutating func takeEvent() throws -> String? {
    if case .head = framing, try takeHead(hasBody: true) == nil { return nil }
    advance()
    return try takeText(through: "\n\n", from: \.body)
  }

  /// What was never asked for, once the connection is over.
  mutating func takeRest() -> String? {
    guard isOver else { return nil }
    advance()
    return String(buffer: body) + String(buffer: bytes)
  }

  private mutating func takeText(through mark: String, from path: WritableKeyPath<Self, ByteBuffer>) throws -> String? {
    guard let end = self[keyPath: path].readableBytesView.firstRange(of: Array(mark.utf8))?.upperBound else {
      if isOver { throw ConnectionEnded(received: String(buffer: self[keyPath: path])) }
      return nil
    }
    return self[keyPath: path].readString(length: end - self[keyPath: path].readerIndex)
  }

  private mutating func advance() {
    switch framing {
    case .length(let left):
      let count = min(left, bytes.readableBytes)
      move(count)
      framing = count == left ? .whole : .length(left - count)
    case .chunks:
      while case .chunks = framing, moveChunk() {}
    case .untilEnd:
      move(bytes.readableBytes)
      if isOver { framing = .whole }
    case .head, .whole: break
    }
  }

  /// Moves one chunk, when it is there whole; the last one has no trailers.
  private mutating func moveChunk() -> Bool {
    let view = bytes.readableBytesView
    guard let line = view.firstRange(of: Array("\r\n".utf8)),
      let size = Int(String(decoding: view[..<line.lowerBound], as: UTF8.self), radix: 16)
    else { return false }
    let head = line.upperBound - bytes.readerIndex
    guard bytes.readableBytes >= head + size + 2 else { return false }
    bytes.moveReaderIndex(forwardBy: head)
    move(size)
    bytes.moveReaderIndex(forwardBy: 2)
    if size == 0 { framing = .whole }
    return true
  }

  private mutating func move(_ count: Int) {
    if var slice = bytes.readSlice(length: count) { body.writeBuffer(&slice) }
    if bytes.readableBytes == 0 { bytes.clear() }
  }
}
