import NIOCore
import Testing
import Wire

@testable import Web

@Suite("What the server writes is read back as it was meant")
struct AnswerWriterRulesTests {
  /// How an answer is framed, and how much is in its body at a time.
  struct Answer: Sendable, CustomTestStringConvertible {
    let framing: String
    let sizes: [Int]
    let body: [UInt8]

    init(framing: String, sizes: [Int]) {
      self.framing = framing
      self.sizes = sizes
      body = (0..<sizes.reduce(0, +)).map { UInt8($0 % 251) }
    }

    var testDescription: String { "\(framing), \(sizes)" }
    var pieces: [ArraySlice<UInt8>] {
      var start = 0
      return sizes.map { size in
        defer { start += size }
        return body[start..<start + size]
      }
    }

    func head(hasBody: Bool = true) -> AnswerHead {
      AnswerHead(
        status: 200, isHTTP10: framing == "until close", hasBody: hasBody,
        framing: framing == "length" ? .length : framing == "chunked" ? .chunked : .untilClose,
        length: framing == "length" ? body.count : nil)
    }
  }

  /// At 16 KiB a piece is still copied into the buffer, one byte more goes out as it is.
  private static let sizes = [
    [], [0], [1], [15], [16], [0, 1, 0], [16 << 10], [(16 << 10) + 1], [1, (16 << 10) + 1, 1], [100_000],
    [(16 << 10) + 1, (16 << 10) + 1], [3, 16 << 10, 0, (16 << 10) + 1, 2, 16 << 10],
  ]

  static let answers = ["length", "chunked", "until close"].flatMap { framing in
    sizes.map { Answer(framing: framing, sizes: $0) }
  }

  private static let lines: HeaderLines = ["content-type": "text/plain", "x-request-id": "id-1"]

  @Test("Each framing, flushed at the end or after every piece, one answer after the other", arguments: answers)
  func framings(answer: Answer) throws {
    for flushesEach in [false, true] {
      var writer = AnswerWriter()
      for _ in 0..<(answer.framing == "until close" ? 1 : 3) {
        let sent = write(answer, &writer, flushesEach: flushesEach)
        #expect(writer.take().readableBytes == 0)
        let (head, body, isWhole) = try read(sent)
        #expect(head.status == 200)
        #expect(head.keepsAlive == (answer.framing != "until close"))
        #expect(head.lines.all("content-length") == (answer.framing == "length" ? ["\(answer.body.count)"] : []))
        #expect(head.lines.all("transfer-encoding") == (answer.framing == "chunked" ? ["chunked"] : []))
        #expect(head.lines.first("content-type") == "text/plain")
        #expect(head.lines.first("x-request-id") == "id-1")
        #expect(body == answer.body)
        #expect(isWhole)
      }
    }
  }

  @Test("Without a body nothing comes behind the head, whatever is given", arguments: answers)
  func bodiless(answer: Answer) throws {
    var writer = AnswerWriter()
    let whole = flat(write(answer, &writer, flushesEach: false))
    let head = flat(write(answer, &writer, flushesEach: false, hasBody: false))
    #expect(String(decoding: head.suffix(4), as: UTF8.self) == "\r\n\r\n")
    #expect(head == Array(whole.prefix(head.count)), "the head is that of the answer with a body")
    let count = whole.count - head.count
    #expect(answer.framing == "chunked" ? count > answer.body.count : count == answer.body.count)
  }

  @Test(
    "The first line is told by the status and the version",
    arguments: [
      (200, false, "HTTP/1.1 200 OK"), (200, true, "HTTP/1.0 200 OK"), (204, false, "HTTP/1.1 204 No Content"),
      (431, false, "HTTP/1.1 431 Request Header Fields Too Large"), (504, true, "HTTP/1.0 504 Gateway Timeout"),
    ])
  func firstLine(status: Int, isHTTP10: Bool, expected: String) throws {
    var writer = AnswerWriter()
    writer.add(
      AnswerHead(status: status, isHTTP10: isHTTP10, hasBody: false, framing: .length, length: nil), lines: [:])
    writer.end()
    var sent: [ByteBuffer] = []
    writer.take { sent.append($0) }
    #expect(String(decoding: flat(sent), as: UTF8.self) == expected + "\r\n\r\n")
  }

  @Test("What was sent is not written over by what comes next")
  func reuse() throws {
    var writer = AnswerWriter()
    var sent: [ByteBuffer] = []
    for number in 0..<100 {
      writer.add(ByteBuffer(string: "\(number) ")) { sent.append($0) }
      writer.take { sent.append($0) }
      // One that the system has taken already, whose buffer is free.
      writer.add(ByteBuffer(string: "other")) { _ in }
      writer.take { _ in }
    }
    #expect(sent.map { String(buffer: $0) } == (0..<100).map { "\($0) " })
  }

  @Test("What belongs together leaves together: a small answer in one piece, a large piece on its own, uncopied")
  func gathering() {
    var writer = AnswerWriter()
    #expect(write(Answer(framing: "length", sizes: [1, 16 << 10]), &writer, flushesEach: false).count == 1)
    #expect(write(Answer(framing: "chunked", sizes: [1, 100]), &writer, flushesEach: false).count == 1)
    let large = write(Answer(framing: "chunked", sizes: [20_000]), &writer, flushesEach: false)
    #expect(large.map(\.readableBytes).dropFirst().first == 20_000)
    #expect(large.count == 3)
    var isAsked = false
    writer.take { _ in isAsked = true }
    #expect(!isAsked, "nothing is left to be sent")
  }

  @Test("100 Continue is a head of its own before the answer")
  func interim() throws {
    var writer = AnswerWriter()
    writer.addContinue()
    let sent = write(Answer(framing: "length", sizes: [5]), &writer, flushesEach: false)
    #expect(String(decoding: flat(sent), as: UTF8.self).hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
    #expect(try read(sent).body.count == 5)
  }

  // MARK: Writing and reading

  private func write(
    _ answer: Answer, _ writer: inout AnswerWriter, flushesEach: Bool, hasBody: Bool = true
  ) -> [ByteBuffer] {
    var sent: [ByteBuffer] = []
    writer.add(answer.head(hasBody: hasBody), lines: Self.lines)
    for piece in answer.pieces {
      writer.add(ByteBuffer(bytes: piece)) { sent.append($0) }
      if flushesEach { writer.take { sent.append($0) } }
    }
    writer.end()
    writer.take { sent.append($0) }
    return sent
  }

  private func flat(_ buffers: [ByteBuffer]) -> [UInt8] { buffers.flatMap { Array(buffer: $0) } }

  private func read(_ sent: [ByteBuffer]) throws -> (head: ResponseHead, body: [UInt8], isWhole: Bool) {
    var reader = ResponseReader()
    for buffer in sent { reader.feed(buffer) }
    guard case .head(let head) = try reader.next() else { throw ConnectionEndedEarly() }
    var body: [UInt8] = []
    while let part = try reader.next() {
      switch part {
      case .head: throw ConnectionEndedEarly()
      case .body(let piece): body += Array(buffer: piece)
      case .end: return (head, body, reader.pendingBytes == 0)
      }
    }
    return (head, body, reader.endsAtClose)
  }

  private struct ConnectionEndedEarly: Error {}
}

extension AnswerWriter {
  /// As the door does it: what is taken is written, and its buffer used again.
  fileprivate mutating func take(_ send: (ByteBuffer) -> Void) {
    let output: ByteBuffer = take()
    guard output.readableBytes > 0 else { return }
    send(output)
    reuse(output)
  }

  fileprivate mutating func add(_ piece: ByteBuffer, send: (ByteBuffer) -> Void) {
    for large in add(piece) { send(large) }
  }
}
