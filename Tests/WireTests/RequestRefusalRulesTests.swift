import Testing
import Wire

@Suite("What could be read in two ways is refused, with all that follows")
struct RequestRefusalRulesTests {
  /// What is wrong with a request, and the bytes before it is.
  struct Flaw: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String

    init(_ name: String, _ text: String) {
      testDescription = name
      self.text = text
    }
  }

  // MARK: First lines

  private static let firstLines: [Flaw] = [
    ("no version", "GET /"), ("HTTP/0.9", "GET / HTTP/0.9"), ("HTTP/1.2", "GET / HTTP/1.2"),
    ("HTTP/2.0", "GET / HTTP/2.0"), ("HTTP/1", "GET / HTTP/1"), ("HTTP/1.10", "GET / HTTP/1.10"),
    ("HTTP/01.1", "GET / HTTP/01.1"), ("HTTP/1,1", "GET / HTTP/1,1"), ("a version in small letters", "GET / http/1.1"),
    ("another protocol", "GET / HTCPCP/1.1"), ("a version alone", "HTTP/1.1"), ("no method", " / HTTP/1.1"),
    ("no target", "GET HTTP/1.1"), ("an empty target", "GET  HTTP/1.1"), ("two spaces before", "GET  / HTTP/1.1"),
    ("two spaces behind", "GET /  HTTP/1.1"), ("a tab before", "GET\t/ HTTP/1.1"), ("a tab behind", "GET /\tHTTP/1.1"),
    ("a space at the end", "GET / HTTP/1.1 "), ("a space at the front", " GET / HTTP/1.1"),
    ("a space in the target", "GET /a b HTTP/1.1"), ("NUL in the target", "GET /\0 HTTP/1.1"),
    ("a tab in the target", "GET /\ta HTTP/1.1"), ("CR in the target", "GET /\ra HTTP/1.1"),
    ("DEL in the target", "GET /\u{7F} HTTP/1.1"), ("é in the target", "GET /é HTTP/1.1"),
    ("NUL in the method", "GE\0T / HTTP/1.1"), ("a colon in the method", "GET: / HTTP/1.1"),
    ("é in the method", "GÉT / HTTP/1.1"), ("a header for a first line", "host: a"),
    ("an answer", "HTTP/1.1 200 OK"), ("a TLS hello", "\u{16}\u{3}\u{1}\0\u{A5}"),
    ("a method of 33 bytes", String(repeating: "M", count: 33) + " / HTTP/1.1"),
    ("two first lines", "GET / HTTP/1.1\r\nGET / HTTP/1.1"),
  ].map { Flaw($0, $1 + "\r\nhost: a\r\n\r\n") }

  // MARK: Header lines

  private static let names: [Flaw] = [
    "\"", "(", ")", ",", "/", ";", "<", "=", ">", "?", "@", "[", "\\", "]", "{", "}", "é",
  ]
  .map { Flaw("\($0) in a name", "GET / HTTP/1.1\r\nhost: a\r\nx\($0)y: z\r\n\r\n") }

  private static let controls: [Flaw] = ((0...0x1F).filter { $0 != 0x09 } + [0x7F]).flatMap { (byte: UInt8) in
    let character = String(decoding: [byte], as: UTF8.self)
    return [
      Flaw("0x\(String(byte, radix: 16)) in a value", "GET / HTTP/1.1\r\nhost: a\r\nx: a\(character)b\r\n\r\n"),
      Flaw("0x\(String(byte, radix: 16)) in a name", "GET / HTTP/1.1\r\nhost: a\r\nx\(character)y: z\r\n\r\n"),
      Flaw("0x\(String(byte, radix: 16)) before a value", "GET / HTTP/1.1\r\nhost: a\r\nx:\(character)b\r\n\r\n"),
    ]
  }

  private static let lines: [Flaw] =
    [
      ("no colon", "x"), ("no name", ": x"), ("a space before the colon", "x : y"),
      ("a tab before the colon", "x\t: y"),
      ("a space before the name", " x: y"), ("a space in a name", "x y: z"), ("a folded line", "x: y\r\n z"),
      ("a line folded by a tab", "x: y\r\n\tz"), ("a line folded to nothing", "x: y\r\n "), ("two CR", "x: y\r"),
      ("two hosts", "host: a"), ("two hosts in other letters", "HOST: a"),
    ].map { Flaw($0, "GET / HTTP/1.1\r\nhost: a\r\n\($1)\r\n\r\n") } + [
      Flaw("a folded first line", "GET / HTTP/1.1\r\n host: a\r\n\r\n"),
      Flaw("no host", "GET / HTTP/1.1\r\nx: y\r\n\r\n"),
      Flaw("no lines", "GET / HTTP/1.1\r\n\r\n"),
      Flaw("two hosts on HTTP/1.0", "GET / HTTP/1.0\r\nhost: a\r\nhost: a\r\n\r\n"),
    ]

  private static let bareLineFeeds: [Flaw] = [
    Flaw("behind the first line", "GET / HTTP/1.1\nhost: a\r\n\r\n"),
    Flaw("behind a line", "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"),
    Flaw("behind the last line", "GET / HTTP/1.1\r\nhost: a\n\r\n"),
    Flaw("for the empty line", "GET / HTTP/1.1\r\nhost: a\r\n\n"),
    Flaw("everywhere", "GET / HTTP/1.1\nhost: a\n\n"),
    Flaw("twice in the middle", "GET / HTTP/1.1\r\nhost: a\n\nx: y\r\n\r\n"),
  ]

  // MARK: Framing

  private static let framings: [Flaw] =
    [
      ("two lengths", ["content-length: 5", "content-length: 6"]),
      ("the same length twice", ["content-length: 5", "Content-Length: 5"]),
      ("a list of lengths", ["content-length: 5, 6"]), ("a list of one length", ["content-length: 5, 5"]),
      ("a length with a comma", ["content-length: 5,"]), ("an empty length", ["content-length:"]),
      ("+5", ["content-length: +5"]), ("-5", ["content-length: -5"]), ("-0", ["content-length: -0"]),
      ("5 5", ["content-length: 5 5"]), ("0x5", ["content-length: 0x5"]), ("5.0", ["content-length: 5.0"]),
      ("5e0", ["content-length: 5e0"]), ("\"5\"", ["content-length: \"5\""]), ("٥", ["content-length: ٥"]),
      ("five", ["content-length: five"]), ("more than 64 bits", ["content-length: 18446744073709551617"]),
      ("20 digits", ["content-length: 00000000000000000005"]), ("5;a", ["content-length: 5;a"]),
      ("chunked and a length", ["transfer-encoding: chunked", "content-length: 5"]),
      ("a length and chunked", ["content-length: 5", "transfer-encoding: chunked"]),
      ("a length of zero and chunked", ["content-length: 0", "transfer-encoding: chunked"]),
      ("chunked twice", ["transfer-encoding: chunked", "transfer-encoding: chunked"]),
      ("chunked, chunked", ["transfer-encoding: chunked, chunked"]),
      ("gzip, chunked", ["transfer-encoding: gzip, chunked"]), ("chunked, gzip", ["transfer-encoding: chunked, gzip"]),
      ("gzip, then chunked", ["transfer-encoding: gzip", "transfer-encoding: chunked"]),
      ("chunked, then gzip", ["transfer-encoding: chunked", "transfer-encoding: gzip"]),
      ("gzip", ["transfer-encoding: gzip"]), ("identity", ["transfer-encoding: identity"]),
      ("xchunked", ["transfer-encoding: xchunked"]), ("chunkedx", ["transfer-encoding: chunkedx"]),
      ("\"chunked\"", ["transfer-encoding: \"chunked\""]), ("chunked;a=b", ["transfer-encoding: chunked;a=b"]),
      ("chunked,", ["transfer-encoding: chunked,"]), (", chunked", ["transfer-encoding: , chunked"]),
      ("an empty coding", ["transfer-encoding:"]), ("a letter outside ASCII", ["transfer-encoding: chun\u{212A}ed"]),
      ("a coding and its colon apart", ["transfer-encoding : chunked"]),
    ].map { Flaw($0, "POST / HTTP/1.1\r\nhost: a\r\n\($1.joined(separator: "\r\n"))\r\n\r\n") } + [
      Flaw("chunked on HTTP/1.0", "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    ]

  static let heads = firstLines + names + controls + lines + bareLineFeeds + framings

  // MARK: Chunks

  static let chunks: [Flaw] = [
    ("no size", "\r\nx\r\n"), ("0x1", "0x1\r\nx\r\n"), ("-1", "-1\r\nx\r\n"), ("+1", "+1\r\nx\r\n"),
    ("a space before", " 1\r\nx\r\n"), ("a space behind", "1 \r\nx\r\n"), ("g", "g\r\nx\r\n"), ("1g", "1g\r\nx\r\n"),
    ("1 1", "1 1\r\nx\r\n"), ("1,1", "1,1\r\nx\r\n"), ("an extension alone", ";a=b\r\nx\r\n"),
    ("16 digits", "1000000000000000\r\nx"), ("16 digits that are one", "0000000000000001\r\nx\r\n"),
    ("17 digits", "10000000000000001\r\nx\r\n"), ("digits outside ASCII", "１\r\nx\r\n"),
    ("bare LF behind the size", "1\nx\r\n"), ("bare LF behind the chunk", "1\r\nx\n0\r\n\r\n"),
    ("bare CR behind the size", "1\rx\r\n"), ("CR in an extension", "1;a\rb\r\nx\r\n"),
    ("NUL in an extension", "1;a\0b\r\nx\r\n"), ("bare LF behind an extension", "1;a\nx\r\n"),
    ("nothing behind the chunk", "1\r\nx0\r\n\r\n"), ("more than the size", "1\r\nxyz\r\n0\r\n\r\n"),
    ("less than the size", "3\r\nx\r\n0\r\n\r\n"), ("CR CR behind the chunk", "1\r\nx\r\r\n0\r\n\r\n"),
    ("a size line without end", String(repeating: "0", count: 300)),
    ("an extension too long", "1;" + String(repeating: "a", count: 300) + "\r\nx\r\n"),
    ("a trailer without a colon", "0\r\nx\r\n\r\n"), ("a trailer without a name", "0\r\n: x\r\n\r\n"),
    ("a folded trailer", "0\r\nx: y\r\n z: z\r\n\r\n"), ("a space before a trailer's colon", "0\r\nx : y\r\n\r\n"),
    ("a space in a trailer's name", "0\r\nx y: z\r\n\r\n"), ("NUL in a trailer", "0\r\nx: a\0\r\n\r\n"),
    ("CR in a trailer", "0\r\nx: a\rb\r\n\r\n"), ("bare LF behind a trailer", "0\r\nx: y\n\r\n"),
    ("bare LF for the end", "0\r\n\n"), ("bare LF behind the last size", "0\n\r\n"),
    ("a request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n"),
    ("a trailer too long", "0\r\nx: " + String(repeating: "a", count: 9000) + "\r\n\r\n"),
  ].map { Flaw($0, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + $1) }

  private static let hidden = "POST /hidden HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"

  @Test("A head, and what hides behind it", arguments: heads)
  func head(flaw: Flaw) {
    let bytes = [UInt8](flaw.text + Self.hidden)
    let whole = HTTPTranscript.requests([bytes])
    if case .malformed? = whole.refusal {} else { Issue.record("\(whole)") }
    #expect(whole.messages.isEmpty)
    for pieces in Cuts.some(bytes) {
      let read = HTTPTranscript.requests(pieces)
      if read.messages != whole.messages || read.refusal == nil { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("A chunk, and what hides behind it", arguments: chunks)
  func chunk(flaw: Flaw) {
    let bytes = [UInt8](flaw.text + Self.hidden)
    for pieces in Cuts.some(bytes) {
      let read = HTTPTranscript.requests(pieces)
      let isRight = read.refusal != nil && read.messages.count == 1 && !read.messages[0].isWhole
      if !isRight { Issue.record("\(pieces.map(\.count)): \(read)") }
    }
  }

  @Test("A refusal does not undo the requests before it")
  func before() {
    let good = "POST /good HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
    for flaw in Self.heads + Self.chunks {
      let read = HTTPTranscript.requests(good + flaw.text + Self.hidden)
      #expect(read.messages.first?.start == "POST /good 1.1", "\(flaw.testDescription)")
      #expect(read.messages.first?.isWhole == true)
      #expect(read.refusal != nil)
      #expect(!read.messages.contains { $0.start.contains("/hidden") })
    }
  }
}
