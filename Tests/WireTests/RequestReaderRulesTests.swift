import NIOCore
import Testing
import Wire

@Suite("Requests are read the same, however their bytes are cut")
struct RequestReaderRulesTests {
  /// Requests as they come, and what they are.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    /// `POST /a 1.1 |body`, one for each request.
    let requests: [String]

    init(_ name: String, _ text: String, _ requests: String...) {
      testDescription = name
      self.text = text
      self.requests = requests
    }
  }

  private static let chunked = "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

  static let cases = targets + heads + bodies

  private static let targets: [Case] = [
    Case("a path", "GET /a/b HTTP/1.1\r\nhost: a\r\n\r\n", "GET /a/b 1.1 |"),
    Case("a query", "GET /a?b=c&d=%20/?; HTTP/1.1\r\nhost: a\r\n\r\n", "GET /a?b=c&d=%20/?; 1.1 |"),
    Case("a whole URI", "GET http://b.example:80/a HTTP/1.1\r\nhost: a\r\n\r\n", "GET http://b.example:80/a 1.1 |"),
    Case("an authority", "CONNECT a.example:443 HTTP/1.1\r\nhost: a\r\n\r\n", "CONNECT a.example:443 1.1 |"),
    Case("an asterisk", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "OPTIONS * 1.1 |"),
    Case("what no URI has", "GET /\"<>\\^`{|}# HTTP/1.1\r\nhost: a\r\n\r\n", "GET /\"<>\\^`{|}# 1.1 |"),
    Case(
      "a method of signs", "M-!#$%&'*+.^_`|~ / HTTP/1.1\r\nhost: a\r\n\r\n", "M-!#$%&'*+.^_`|~ / 1.1 |"),
    Case("a method in small letters", "post / HTTP/1.1\r\nhost: a\r\n\r\n", "post / 1.1 |"),
    Case(
      "a method of 32 bytes", String(repeating: "M", count: 32) + " / HTTP/1.1\r\nhost: a\r\n\r\n",
      String(repeating: "M", count: 32) + " / 1.1 |"),
  ]

  private static let heads: [Case] = [
    Case("HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 |"),
    Case("HTTP/1.0 with a body", "POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\nhi", "POST / 1.0 |hi"),
    Case("empty lines before", "\r\n\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET / 1.1 |"),
    Case(
      "empty lines between", "GET /a HTTP/1.1\r\nhost: a\r\n\r\n\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
      "GET /a 1.1 |", "GET /b 1.1 |"),
    Case(
      "empty lines behind a body",
      "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
      "POST /a 1.1 |x", "GET /b 1.1 |"),
    Case("an empty host", "GET / HTTP/1.1\r\nhost:\r\n\r\n", "GET / 1.1 |"),
  ]

  private static let bodies: [Case] = [
    Case("a length", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello", "POST / 1.1 |hello"),
    Case("a length of zero", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", "POST / 1.1 |"),
    Case(
      "a length with zeros before", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0005\r\n\r\nhello",
      "POST / 1.1 |hello"),
    Case("a length with GET", "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi", "GET / 1.1 |hi"),
    Case("no length", "POST / HTTP/1.1\r\nhost: a\r\n\r\n", "POST / 1.1 |"),
    Case("no chunks but the last", chunked + "0\r\n\r\n", "POST /a 1.1 |"),
    Case("chunks", chunked + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "POST /a 1.1 |hello world"),
    Case(
      "a coding in other letters", "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: \tChUnKeD \r\n\r\n0\r\n\r\n",
      "POST / 1.1 |"),
    Case(
      "sizes in both cases, with zeros before", chunked + "00a\r\n0123456789\r\nA\r\n9876543210\r\n000\r\n\r\n",
      "POST /a 1.1 |01234567899876543210"),
    Case(
      "line ends inside chunks", chunked + "6\r\n\r\n0\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n",
      "POST /a 1.1 |\r\n0\r\n\r\r\n"),
    Case("extensions", chunked + "2;a=b\r\nhi\r\n1;c=\"d e\";f\r\n!\r\n0;g\r\n\r\n", "POST /a 1.1 |hi!"),
    Case("trailers", chunked + "2\r\nhi\r\n0\r\nx-sum: 1\r\nEmpty:\r\nhost: b\r\n\r\n", "POST /a 1.1 |hi"),
    Case(
      "three at once",
      "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc" + chunked + "1\r\nx\r\n0\r\n\r\n"
        + "GET /c HTTP/1.1\r\nhost: a\r\n\r\n",
      "POST /a 1.1 |abc", "POST /a 1.1 |x", "GET /c 1.1 |"),
    Case(
      "a body that looks like a request",
      "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "POST /a 1.1 |GET / HTTP/1.1\r\n\r\n"),
  ]

  @Test("Whole, byte by byte, cut once anywhere", arguments: cases)
  func cuts(_ example: Case) {
    let bytes = [UInt8](example.text)
    let whole = HTTPTranscript.requests([bytes])
    #expect(whole.isWhole, "\(whole)")
    #expect(whole.messages.map { "\($0.start) |\($0.text)" } == example.requests)
    for pieces in Cuts.some(bytes) {
      let read = HTTPTranscript.requests(pieces)
      if read != whole { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("Cut twice, a few bytes apart", arguments: cases)
  func cutTwice(_ example: Case) {
    let bytes = [UInt8](example.text)
    let whole = HTTPTranscript.requests([bytes])
    for pieces in Cuts.twice(bytes) {
      let read = HTTPTranscript.requests(pieces)
      if read != whole { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("A request that is cut short is not whole, and nothing is wrong with it", arguments: cases)
  func short(_ example: Case) {
    let bytes = [UInt8](example.text)
    for end in 0..<bytes.count {
      let read = HTTPTranscript.requests([Array(bytes[..<end])])
      if read.refusal != nil { Issue.record("after \(end): \(read)") }
      if read.messages.count == example.requests.count, read.isWhole { Issue.record("whole after \(end)") }
    }
  }

  @Test("A body goes on as it comes, before it is whole")
  func pieces() throws {
    var reader = RequestReader()
    reader.feed(ByteBuffer(string: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe"))
    let head = try #require(try reader.next()?.head)
    #expect(head.contentLength == 5)
    #expect(try body(&reader) == "he")
    #expect(try body(&reader) == nil)
    reader.feed(ByteBuffer(string: "lloGET"))
    #expect(try body(&reader) == "llo")
    guard case .end = try reader.next() else { throw HTTPSyntaxError.malformed("no end") }
    #expect(try reader.next() == nil)
    #expect(reader.pendingBytes == 3)
  }

  private func body(_ reader: inout RequestReader) throws -> String? {
    guard case .body(let piece) = try reader.next() else { return nil }
    return String(buffer: piece)
  }

  @Test(
    "A head tells how long its body is",
    arguments: [
      ("content-length: 17\r\n", 17), ("", 0), ("transfer-encoding: chunked\r\n", nil),
      ("content-length: 999999999999999999\r\n", 999_999_999_999_999_999),
      ("content-length: 9999999999999999999\r\n", .max),
      ("content-length: 9223372036854775808\r\n", .max), ("content-length: 0000000000000000005\r\n", 5),
    ] as [(String, Int?)])
  func contentLength(line: String, expected: Int?) throws {
    var reader = RequestReader()
    reader.feed(ByteBuffer(string: "POST / HTTP/1.1\r\nhost: a\r\n\(line)\r\n"))
    let head = try #require(try reader.next()?.head)
    #expect(head.contentLength == expected)
  }

  @Test(
    "A connection stays as its version and its lines say",
    arguments: [
      ("1.1", [], true), ("1.0", [], false), ("1.1", ["close"], false), ("1.1", ["Close"], false),
      ("1.0", ["keep-alive"], true), ("1.0", ["Keep-Alive"], true), ("1.1", ["keep-alive"], true),
      ("1.1", ["keep-alive, close"], false), ("1.0", ["keep-alive,close"], false), ("1.1", ["x", "close"], false),
      ("1.1", ["upgrade"], true), ("1.0", ["upgrade"], false), ("1.1", ["closed"], true), ("1.1", [""], true),
      ("1.0", ["x, keep-alive ,y"], true), ("1.1", ["x\t,\tclose\t"], false),
    ] as [(String, [String], Bool)])
  func keepsAlive(version: String, values: [String], keepsAlive: Bool) {
    let lines = values.map { "Connection: \($0)\r\n" }.joined()
    let read = HTTPTranscript.requests("GET / HTTP/\(version)\r\nhost: a\r\n\(lines)\r\n")
    #expect(read.messages.map(\.keepsAlive) == [keepsAlive])
  }
}
