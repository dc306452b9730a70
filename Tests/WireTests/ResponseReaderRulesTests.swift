import NIOCore
import Testing
import Wire

@Suite("Answers are read the same, however their bytes are cut")
struct ResponseReaderRulesTests {
  /// Answers as they come, and what they are.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    /// `200 |body`, one for each answer.
    let answers: [String]
    /// Whether the end of the connection is the end of the last one.
    var endsAtClose = false

    init(_ name: String, _ text: String, _ answers: String..., endsAtClose: Bool = false) {
      testDescription = name
      self.text = text
      self.answers = answers
      self.endsAtClose = endsAtClose
    }
  }

  private static let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

  static let cases: [Case] = [
    Case("a length", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "200 |hello"),
    Case("a length of zero", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200 |"),
    Case("chunks", chunked + "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nx: y\r\n\r\n", "200 |hello!"),
    Case("chunks on HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "200 |x"),
    Case(
      "neither", "HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      "200 |hello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", endsAtClose: true),
    Case("neither, and nothing", "HTTP/1.0 404 \r\nx: y\r\n\r\n", "404 |", endsAtClose: true),
    Case("two", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na" + chunked + "1\r\nb\r\n0\r\n\r\n", "200 |a", "200 |b"),
    Case("no reason", "HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\na", "200 |a"),
    Case("no reason and no space", "HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na", "200 |a"),
    Case("a long reason", "HTTP/1.1 200 All is \twell, é\r\ncontent-length: 1\r\n\r\na", "200 |a"),
    Case("a status nobody knows", "HTTP/1.1 799 X\r\ncontent-length: 1\r\n\r\na", "799 |a"),
    Case("204", "HTTP/1.1 204 No Content\r\n\r\n", "204 |"),
    Case("204 with a length", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "204 |"),
    Case("304 with a length", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "304 |"),
    Case("304 with chunks", "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", "304 |"),
    Case("100 before", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", "200 |a"),
    Case(
      "many of 1xx before",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\ncontent-length: 9\r\n\r\n"
        + "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
      "200 |a"),
    Case("100 between", "HTTP/1.1 204 X\r\n\r\nHTTP/1.1 100 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n", "204 |", "204 |"),
  ]

  @Test("Whole, byte by byte, cut anywhere", arguments: cases)
  func cuts(_ example: Case) {
    let bytes = [UInt8](example.text)
    let whole = HTTPTranscript.answers([bytes])
    #expect(whole.messages.map { "\($0.start) |\($0.text)" } == example.answers)
    #expect(whole.endsAtClose == example.endsAtClose)
    #expect(whole.isWhole != example.endsAtClose, "\(whole)")
    for pieces in Cuts.some(bytes) + Cuts.twice(bytes) {
      let read = HTTPTranscript.answers(pieces)
      if read != whole { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("An answer that is cut short is not whole, and nothing is wrong with it", arguments: cases)
  func short(_ example: Case) {
    let bytes = [UInt8](example.text)
    let bodyStart = example.endsAtClose ? example.text.utf8.count - (example.answers[0].utf8.count - 5) : bytes.count
    for end in 0..<bytes.count {
      let read = HTTPTranscript.answers([Array(bytes[..<end])])
      if read.refusal != nil { Issue.record("after \(end): \(read)") }
      if read.messages.count == example.answers.count, read.isWhole { Issue.record("whole after \(end)") }
      if read.endsAtClose != (end >= bodyStart) { Issue.record("it may end after \(end)") }
    }
  }

  private static let starts = [
    "SSH-2.0-OpenSSH", "<html>", "{\"error\":1}", "\u{15}\u{3}\u{3}\0\u{2}\u{2}(", "220 smtp ready", "GET / HTTP/1.1",
    "http/1.1 200 OK", "HTTP/2 200", "HTTP/0.9 200 OK", "HTTQ", "\r\nHTTP/1.1 200 OK", " HTTP/1.1 200 OK", "\n", "\0",
    "ICY 200 OK",
  ]

  @Test(
    "What is no HTTP is refused with the first byte that says so, without waiting for a line's end", arguments: starts)
  func noHTTP(text: String) throws {
    let right = [UInt8]("HTTP/1.".utf8)
    let bytes = [UInt8](text.utf8)
    let wrong = try #require(bytes.indices.first { $0 >= right.count || bytes[$0] != right[$0] })
    #expect(HTTPTranscript.answers([Array(bytes[..<wrong])]).refusal == nil)
    #expect(HTTPTranscript.answers([Array(bytes[...wrong])]).refusal != nil)
    #expect(HTTPTranscript.answers(bytes.map { [$0] }).refusal != nil)
    #expect(HTTPTranscript.answers("HTTP/1.1 100 X\r\n\r\n" + text).refusal != nil)
  }

  private static let heads: [String] =
    [
      "HTTP/1.2 200 OK", "HTTP/1.10 200 OK", "HTTP/1. 200 OK", "HTTP/1.1200 OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
      "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK", "HTTP/1.1 099 X", "HTTP/1.1 000 X",
      "HTTP/1.1 -20 X", "HTTP/1.1 2x0 X", "HTTP/1.1 ２００", "HTTP/1.1 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 200 a\0b",
      "HTTP/1.1 200 a\rb", "HTTP/1.1 200 \u{7F}", "HTTP/1.1 101 Switching Protocols",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade",
      "HTTP/1.1 204 X\r\ncontent-length: 3\r\ncontent-length: 4", "HTTP/1.1 304 X\r\ncontent-length: +1",
      "HTTP/1.1 304 X\r\ncontent-length: 3\r\ntransfer-encoding: chunked",
    ].map { $0 + "\r\n\r\n" }
    + [
      "content-length: 5\r\ncontent-length: 6", "content-length: 5\r\ncontent-length: 5", "content-length: 5, 5",
      "content-length: +5", "content-length: -5", "content-length:", "content-length: 5 5", "content-length: 0x5",
      "content-length: 00000000000000000005", "content-length: 5\r\ntransfer-encoding: chunked",
      "transfer-encoding: chunked\r\ncontent-length: 0", "transfer-encoding: gzip, chunked", "transfer-encoding: gzip",
      "transfer-encoding: chunked\r\ntransfer-encoding: chunked", "transfer-encoding: chunked, chunked",
      "transfer-encoding: identity", "transfer-encoding: xchunked", "transfer-encoding:", "x : y", "x", ": y", " x: y",
      "x: y\r\n z", "x: a\0b", "x: a\rb", "x\0: y", "x y: z",
    ].map { "HTTP/1.1 200 OK\r\n\($0)\r\n\r\n" }
    + [
      "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\n\r\n",
      "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nx: y\n\n", "HTTP/1.1 200 OK\r\nx: y\r\n\n",
    ]

  @Test("A head that breaks a rule is refused, and no answer comes of what follows", arguments: heads)
  func refused(text: String) {
    for pieces in Cuts.some([UInt8]((text + "HTTP/1.1 204 X\r\n\r\n").utf8)) {
      let read = HTTPTranscript.answers(pieces)
      if !read.messages.isEmpty || read.refusal == nil { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("Chunks are read as those of a request are", arguments: RequestRefusalRulesTests.chunks)
  func chunks(flaw: RequestRefusalRulesTests.Flaw) throws {
    let body = try #require(flaw.text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false).last)
    let read = HTTPTranscript.answers(Self.chunked + body + "HTTP/1.1 204 X\r\n\r\n")
    #expect(read.refusal != nil)
    #expect(read.messages.count == 1)
    #expect(read.messages.first?.isWhole == false)
  }

  @Test(
    "What comes behind an answer is told, so that nobody takes it for the next one",
    arguments: [
      ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", 1), ("HTTP/1.1 204 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 19),
      ("HTTP/1.1 204 X\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 5),
      (chunked + "0\r\n\r\n\r\n", 2), (chunked + "1\r\na\r\n0\r\n\r\n", 0),
      ("HTTP/1.1 304 X\r\ncontent-length: 3\r\n\r\nabc", 3),
    ])
  func pending(text: String, count: Int) throws {
    var reader = ResponseReader()
    reader.feed(ByteBuffer(string: text))
    var isOver = false
    while !isOver, let part = try reader.next() {
      if case .end = part { isOver = true }
    }
    #expect(isOver)
    #expect(reader.pendingBytes == count)
    #expect(!reader.endsAtClose)
  }

  @Test(
    "A connection stays as its version, its lines and its framing say",
    arguments: [
      ("1.1", "content-length: 0", true), ("1.0", "content-length: 0", false),
      ("1.1", "transfer-encoding: chunked", true),
      ("1.1", "content-length: 0\r\nconnection: close", false),
      ("1.1", "content-length: 0\r\nConnection: CLOSE", false),
      ("1.0", "content-length: 0\r\nconnection: keep-alive", true), ("1.1", "x: y", false),
      ("1.1", "connection: keep-alive", false), ("1.0", "connection: keep-alive", false),
      ("1.1", "content-length: 0\r\nconnection: keep-alive, close", false),
      ("1.1", "content-length: 0\r\nconnection: x\r\nconnection: close", false),
      // RFC 9112, section 6.1: such framing is faulty, and the connection not to be trusted after it.
      ("1.0", "transfer-encoding: chunked\r\nconnection: keep-alive", false),
    ])
  func keepsAlive(version: String, lines: String, keepsAlive: Bool) {
    let read = HTTPTranscript.answers("HTTP/\(version) 200 OK\r\n\(lines)\r\n\r\n")
    #expect(read.messages.map(\.keepsAlive) == [keepsAlive])
  }

  @Test("A stream without end keeps no more memory than its pieces, even when none of them ends where a chunk does")
  func memory() throws {
    var reader = ResponseReader()
    reader.feed(ByteBuffer(string: Self.chunked + "3e"))
    let event = ByteBuffer(string: "8\r\n" + String(repeating: "x", count: 1000) + "\r\n3e")
    var largest = 0
    var count = 0
    for _ in 0..<5000 {
      reader.feed(event)
      while case .body(let piece)? = try reader.next() {
        largest = max(largest, piece.storageCapacity)
        count += piece.readableBytes
      }
    }
    #expect(count > 4_990_000)
    #expect(largest <= 64 << 10, "\(largest) bytes are kept for pieces of 1,006")
  }
}
