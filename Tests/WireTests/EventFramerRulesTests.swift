import NIOCore
import Testing
import Wire

@Suite("A stream is cut into whole events and nothing else")
struct EventFramerRulesTests {
  /// A stream as it comes, and the events in it.
  struct Stream: Sendable, CustomTestStringConvertible {
    let name: String
    let events: [String]
    /// What follows the last whole event.
    var rest = ""

    var text: String { events.joined() + rest }
    var testDescription: String { name }
  }

  static let streams = [
    Stream(name: "LF", events: ["data: a\n\n", "data: b\n\n", "data: [DONE]\n\n"]),
    Stream(name: "CR LF", events: ["data: a\r\n\r\n", "data: b\r\n\r\n", "data: [DONE]\r\n\r\n"]),
    Stream(name: "CR", events: ["data: a\r\r", "data: b\r\r", "data: [DONE]\r\r"]),
    Stream(name: "line ends that change", events: ["data: a\n\n", "data: b\r\n\r\n", "data: c\r\r", "data: d\n\r\n"]),
    Stream(name: "LF after CR LF", events: ["data: a\r\n\n", "data: b\r\n\n"]),
    Stream(name: "many lines", events: ["event: x\nid: 1\ndata: a\ndata: b\n\n", ": c\nretry: 10\ndata:d\n\n"]),
    Stream(name: "comments", events: [": keep-alive\n\n", ":\n\n", "data: a\n\n", ": b\r\n\r\n"]),
    Stream(name: "empty lines in a row", events: ["data: a\n\n", "\n", "\n", "data: b\n\n"]),
    Stream(name: "an empty line first", events: ["\n", "data: a\n\n"]),
    Stream(name: "an empty line first, CR LF", events: ["\r\n", "data: a\r\n\r\n"]),
    Stream(name: "text outside ASCII", events: ["data: é€😀\n\n", "data: \u{2028}\u{85}\n\n"]),
    Stream(name: "nothing but an unfinished line", events: [], rest: "data: a"),
    Stream(name: "an unfinished line", events: ["data: a\n\n"], rest: "data: b"),
    Stream(name: "an unfinished event", events: ["data: a\n\n"], rest: "data: b\n"),
    Stream(name: "an unfinished CR LF", events: ["data: a\r\n\r\n"], rest: "data: b\r\n\r"),
    Stream(name: "nothing", events: []),
  ]

  @Test("Whole, cut once anywhere, and byte by byte: the same events leave, and nothing unfinished", arguments: streams)
  func cuts(stream: Stream) throws {
    let bytes = [UInt8](stream.text)
    try check([bytes], stream)
    try check(bytes.map { [$0] }, stream)
    for cut in 0...bytes.count {
      try check([Array(bytes[..<cut]), Array(bytes[cut...])], stream)
    }
  }

  @Test("Cut twice anywhere", arguments: streams)
  func cutTwice(stream: Stream) throws {
    let bytes = [UInt8](stream.text)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        try check([Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])], stream)
      }
    }
  }

  /// Records what is wrong when the stream comes in these chunks; an expectation per cut would be 100,000 records.
  private func check(_ chunks: [[UInt8]], _ stream: Stream) throws {
    let sizes = chunks.map(\.count)
    var framer = EventFramer()
    var seen: [[UInt8]] = []
    var sent: [UInt8] = []
    for chunk in chunks {
      let before = seen.count
      let events = try framer.feed(ByteBuffer(bytes: chunk)) { seen.append(Array($0)) }
      if (events == nil) != (seen.count == before) { Issue.record("\(sizes): bytes left without an event") }
      sent += events.map { Array($0.readableBytesView) } ?? []
      if sent != Array(seen.joined()) { Issue.record("\(sizes): what left is not the events") }
    }
    if seen != stream.events.map({ Array($0.utf8) }) { Issue.record("\(sizes): saw \(seen)") }
    if framer.isBetweenEvents != stream.rest.isEmpty { Issue.record("\(sizes): the rest was not held") }
  }

  @Test("An event of 1 MiB may be held, one byte more is an overflow", arguments: [1, 1000, 65_536, 1 << 20])
  func overflow(chunk: Int) throws {
    #expect(EventFramer.maximumEventBytes == 1 << 20)
    var framer = EventFramer()
    let piece = ByteBuffer(repeating: UInt8(ascii: "a"), count: chunk)
    for _ in 0..<(EventFramer.maximumEventBytes / chunk) {
      #expect(try framer.feed(piece) { _ in } == nil)
    }
    let left = EventFramer.maximumEventBytes % chunk
    if left > 0 { #expect(try framer.feed(ByteBuffer(repeating: UInt8(ascii: "a"), count: left)) { _ in } == nil) }
    var other = framer
    #expect(throws: EventFramer.Overflow.self) { try framer.feed(ByteBuffer(string: "a")) { _ in } }
    let whole = try #require(try other.feed(ByteBuffer(string: "\n\n")) { _ in })
    #expect(whole.readableBytes == EventFramer.maximumEventBytes + 2)
  }

  @Test("A stream may be far longer than one event")
  func long() throws {
    var framer = EventFramer()
    var count = 0
    let piece = ByteBuffer(repeating: UInt8(ascii: "a"), count: 60_000)
    for _ in 0..<100 {
      #expect(try framer.feed(piece) { _ in count += 1 } == nil)
      #expect(try framer.feed(ByteBuffer(string: "\n\n")) { _ in count += 1 }?.readableBytes == 60_002)
    }
    #expect(count == 100)
  }

  @Test("Memory follows the longest event and not the stream, even when no piece ends with an event")
  func memory() throws {
    var framer = EventFramer()
    _ = try framer.feed(ByteBuffer(string: "data: ")) { _ in }
    var largest = 0
    for _ in 0..<10_000 {
      let events = try #require(try framer.feed(ByteBuffer(string: "0123456789\n\ndata: ")) { _ in })
      #expect(String(buffer: events) == "data: 0123456789\n\n")
      largest = max(largest, events.storageCapacity)
    }
    #expect(largest <= 1024, "\(largest) bytes are kept for an event of 18")
  }

  @Test(
    "What an event carries",
    arguments: [
      ("data: a\n\n", "a"), ("data:a\n\n", "a"), ("data:  a \r\n\r\n", " a "), ("data: a\r\r", "a"),
      ("data:\n\n", ""), ("data: \n\n", ""), ("event: x\ndata: {\"a\":1}\nid: 2\n\n", "{\"a\":1}"),
      ("data: a\ndata: b\n\n", "a"), (": c\r\ndata: a\r\n\r\n", "a"), ("data: data: a\n\n", "data: a"),
      (": keep-alive\n\n", nil), (":data: a\n\n", nil), ("event: x\n\n", nil), ("\n", nil), ("", nil),
      ("Data: a\n\n", nil), (" data: a\n\n", nil), ("database: a\n\n", nil), ("dat", nil), ("data", nil),
    ] as [(String, String?)])
  func data(event: String, expected: String?) {
    let found = [UInt8](event).withUnsafeBytes { bytes in
      EventData.first(of: bytes).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(found == expected)
  }

  @Test(
    "Only [DONE] ends a stream",
    arguments: [
      ("[DONE]", true), ("[DONE] ", false), (" [DONE]", false), ("[done]", false), ("DONE", false), ("", false),
      ("\"[DONE]\"", false), ("[DONE]]", false),
    ])
  func done(data: String, isDone: Bool) {
    #expect([UInt8](data).withUnsafeBytes { EventData.isDone($0) } == isDone)
  }
}
