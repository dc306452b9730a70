import NIOCore
import Testing
import Wire

@Suite("Header lines are found in any case, and cannot become more than they are")
struct HeaderLinesRulesTests {
  private static let lines: HeaderLines = [
    "Host": "a", "x-Empty": "", "ACCEPT": "b", "accept": "c", "X-Under_Score": "d", "x-hosts": "e",
  ]

  @Test("Names are found in any case, whole, the first line first")
  func names() {
    let lines = Self.lines
    #expect(lines.count == 6)
    #expect(lines.first("host") == "a")
    #expect(lines.first("x-empty") == "")
    #expect(lines.first("accept") == "b")
    #expect(lines.all("accept") == ["b", "c"])
    #expect(lines.count(of: "accept") == 2)
    #expect(lines.contains("x-under_score"))
    for missing in ["hos", "hosts", "ost", "x-host", "x_empty", "accept\u{0}"] as [StaticString] {
      #expect(!lines.contains(missing), "\(missing)")
      #expect(lines.first(missing) == nil)
      #expect(lines.all(missing).isEmpty)
      #expect(lines.withFirst(missing) { $0.count } == nil)
    }
  }

  @Test("Only letters have two cases: no other byte is taken for its neighbour")
  func otherBytes() {
    // 0x0D is to 0x2D (a hyphen) what 0x41 is to 0x61 (a letter), and 0x10 to 0x30 (a digit).
    let lines = HeaderLines([("x", "a\u{10}"), ("y", "A0"), ("z", "a-b")])
    #expect(!lines.first("x", is: "a0"))
    #expect(lines.first("y", is: "a0"))
    #expect(lines.first("z", is: "a-b"))
    #expect(!HeaderLines([("z", "a\rb")]).first("z", is: "a-b"))
    #expect(!HeaderLines([("x[", "")]).contains("x{"))
  }

  @Test("Lines keep their order and their names' letters")
  func order() {
    #expect(Self.lines.all.map(\.name) == ["Host", "x-Empty", "ACCEPT", "accept", "X-Under_Score", "x-hosts"])
    #expect(Self.lines.all.map(\.value) == ["a", "", "b", "c", "d", "e"])
    #expect(String(decoding: HeaderLines([("A", "b"), ("c", "")]).bytes, as: UTF8.self) == "A: b\r\nc: \r\n")
    #expect(HeaderLines().count == 0)
    #expect(HeaderLines().bytes.isEmpty)
  }

  @Test(
    "A first value is compared whole",
    arguments: [
      ("chunked", true), ("CHUNKED", true), ("chunked ", false), ("chunked,", false), ("xchunked", false),
      ("chunke", false), ("", false),
    ])
  func firstIs(value: String, expected: Bool) {
    #expect(HeaderLines([("te", value), ("te", "chunked")]).first("te", is: "chunked") == expected)
  }

  @Test(
    "A list holds its elements, over all its lines",
    arguments: [
      (["close"], true), (["Close"], true), (["a, close"], true), (["a,close,b"], true), (["a,\tclose\t,b"], true),
      (["a", "b", "close"], true), (["a", "b, close"], true), ([",,close,,"], true), (["closed"], false),
      (["not-close"], false), (["clos", "e"], false), ([""], false), ([], false), (["a;close"], false),
      (["\"close\""], false), (["é, close"], true), (["a,\u{301}b,close"], true), (["close,\u{301}"], true),
    ] as [([String], Bool)])
  func lists(values: [String], expected: Bool) {
    let lines = HeaderLines(values.map { ("Connection", $0) })
    #expect(lines.list("connection", holds: "close") == expected)
  }

  @Test("A value stays one line, whatever is in it: control characters become spaces, and nothing else changes")
  func values() {
    for value in ["a\r\nx: y", "a\nb", "a\rb", "a\0b", "\u{7F}", "\r\n\r\nHTTP/1.1 200 OK", "\u{1B}[2J", "é☃\t~ "] {
      var lines = HeaderLines()
      lines.add("known", value)
      lines.add(name: "Given", value)
      let controls: ClosedRange<Unicode.Scalar> = "\0"..."\u{1F}"
      let expected = String(
        String.UnicodeScalarView(
          value.unicodeScalars.map { $0 != "\t" && (controls.contains($0) || $0 == "\u{7F}") ? " " : $0 }))
      #expect(lines.all.map(\.value) == [expected, expected])
      #expect(String(decoding: lines.bytes, as: UTF8.self) == "known: \(expected)\r\nGiven: \(expected)\r\n")
    }
  }

  @Test(
    "A name that is no token is left out with its value",
    arguments: ["", " ", "a b", "a:", "a\r\nb", "a\n", "a\0", "é", "a,b", "a/b", "(a)", "\"a\"", "a\u{7F}", "{a}"])
  func names(name: String) {
    var lines: HeaderLines = ["a": "b"]
    lines.add(name: name, "c")
    #expect(lines.count == 1)
    #expect(String(decoding: lines.bytes, as: UTF8.self) == "a: b\r\n")
  }

  @Test("What is added is read back by the reader as it is")
  func roundTrip() {
    let lines = HeaderLines([
      ("Host", "a"), ("X-Long", String(repeating: "é", count: 1000)), ("x!#$%&'*+.^_`|~", "\"a\""),
    ])
    let read = HTTPTranscript.requests([Array("GET / HTTP/1.1\r\n".utf8) + lines.bytes + Array("\r\n".utf8)])
    #expect(read.isWhole, "\(read)")
    #expect(read.messages.first?.lines == lines.all.map { "\($0.name): \($0.value)" })
  }

  @Test(
    "Blanks around a value are no part of it; those inside are, and so are bytes that are no UTF-8",
    arguments: [
      (Array("a".utf8), Array("a".utf8)), (Array("  a b\t ".utf8), Array("a b".utf8)), ([], []), ([0x20, 0x09], []),
      ([0x80, 0x20, 0xFF], [0x80, 0x20, 0xFF]), (Array("a: b".utf8), Array("a: b".utf8)),
    ] as [([UInt8], [UInt8])])
  func blanks(value: [UInt8], expected: [UInt8]) throws {
    var reader = RequestReader()
    let head = Array("GET / HTTP/1.1\r\nhost: a\r\nX:".utf8) + value + Array("\r\ny: z\r\n\r\n".utf8)
    reader.feed(ByteBuffer(bytes: head))
    let read = try #require(try reader.next()?.head)
    #expect(read.lines.withFirst("x") { Array($0) } == expected)
    #expect(read.lines.first("y") == "z")
  }
}
