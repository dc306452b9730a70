import Testing

@testable import Store

@Suite("Replies of Redis are read wherever they are cut")
struct RedisReplyRulesTests {
  static func read(_ pieces: [[UInt8]]) throws(RESPSyntaxError) -> [RESPValue] {
    var reader = RESPReader()
    var replies: [RESPValue] = []
    for piece in pieces {
      try piece.withUnsafeBufferPointer { bytes throws(RESPSyntaxError) in
        try reader.read(UnsafeRawBufferPointer(bytes), into: &replies)
      }
    }
    return replies
  }

  static func read(_ text: String) throws(RESPSyntaxError) -> [RESPValue] {
    try read([Array(text.utf8)])
  }

  private static func bytes(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }

  static let all =
    "+OK\r\n-ERR no\r\n:0\r\n:-9223372036854775808\r\n:9223372036854775807\r\n$5\r\nhe\r\nl\r\n$0\r\n\r\n$-1\r\n"
    + "*-1\r\n*0\r\n*3\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n$-1\r\n+\r\n"
  static let values: [RESPValue] = [
    .text(Array("OK".utf8)), .error(Array("ERR no".utf8)), .integer(0), .integer(.min), .integer(.max),
    bytes("he\r\nl"), bytes(""), .null, .null, .array([]),
    .array([bytes("a"), .array([.integer(1), .array([])]), .null]), .text([]),
  ]

  @Test("Every kind is read")
  func kinds() throws {
    #expect(try Self.read(Self.all) == Self.values)
  }

  @Test("Cut in two anywhere, or into single bytes, it is the same")
  func cuts() throws {
    let bytes = Array(Self.all.utf8)
    for cut in 0...bytes.count {
      #expect(try Self.read([Array(bytes[..<cut]), Array(bytes[cut...])]) == Self.values, "cut at \(cut)")
    }
    #expect(try Self.read(bytes.map { [$0] }) == Self.values)
    for size in 2...9 {
      let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
      #expect(try Self.read(pieces) == Self.values)
    }
  }

  @Test(
    "What is no reply is refused",
    arguments: [
      "OK\r\n", "\r\n", "%1\r\n", "_\r\n", ":\r\n", ":-\r\n", ":1a\r\n", ":1 \r\n", ":--1\r\n", ":1-\r\n", ":+7\r\n",
      ":1\n", ":1\rx",
      ":9223372036854775808\r\n", ":-9223372036854775809\r\n", ":00000000000000000000000\r\n", "$-2\r\n",
      "$1\r\nab\r\n",
      "$1\r\na\n\n", "*-2\r\n", "*1\r\nx", "+a\nb\r\n", "-a\rb\r\n", "HTTP/1.1 400 Bad Request\r\n",
    ])
  func malformed(text: String) {
    for pieces in [[Array(text.utf8)], text.utf8.map { [$0] }] {
      let error = #expect(throws: RESPSyntaxError.self) { try Self.read(pieces) }
      if case .malformed? = error { continue }
      Issue.record("\(String(describing: error))")
    }
  }

  @Test("The replies before a fault are handed over")
  func before() {
    var reader = RESPReader()
    var replies: [RESPValue] = []
    let bytes = Array("+OK\r\n:1\r\n?\r\n".utf8)
    #expect(throws: RESPSyntaxError.self) {
      try bytes.withUnsafeBytes { try reader.read($0, into: &replies) }
    }
    #expect(replies == [.text(Array("OK".utf8)), .integer(1)])
  }

  @Test("Arrays lie eight deep at most")
  func depth() throws {
    let deepest = String(repeating: "*1\r\n", count: RESPReader.maxDepth)
    let expected = (0..<RESPReader.maxDepth).reduce(RESPValue.integer(1)) { value, _ in .array([value]) }
    #expect(try Self.read(deepest + ":1\r\n") == [expected])
    #expect(throws: RESPSyntaxError.tooDeep) { try Self.read(deepest + "*1\r\n") }
    #expect(try Self.read(deepest + "*0\r\n").count == 1)
  }

  @Test(
    "A length that is too large is refused as soon as it is announced",
    arguments: [
      "$67108865\r\n", "$9223372036854775807\r\n", "*1048577\r\n", "*9223372036854775807\r\n",
      "*2\r\n*1048576\r\n", "*2\r\n$67108800\r\n",
    ])
  func announced(text: String) throws {
    if text.hasSuffix("$67108800\r\n") {
      // Two that fit alone do not fit together.
      let first = Array(text.utf8) + [UInt8](repeating: 1, count: 67_108_800) + Array("\r\n$100\r\n".utf8)
      #expect(throws: RESPSyntaxError.tooLarge) { try Self.read([first]) }
    } else {
      #expect(throws: RESPSyntaxError.tooLarge) { try Self.read(text) }
    }
  }

  @Test("A line without an end is refused")
  func endless() {
    #expect(throws: RESPSyntaxError.tooLarge) {
      try Self.read(["+".utf8.map { $0 }] + Array(repeating: [UInt8](repeating: 65, count: 1000), count: 70))
    }
  }

  @Test("A large value may come in many pieces")
  func large() throws {
    let value = [UInt8](repeating: 10, count: 8 << 20)
    let bytes = Array("*2\r\n$\(value.count)\r\n".utf8) + value + Array("\r\n:1\r\n".utf8)
    let pieces = stride(from: 0, to: bytes.count, by: 16 << 10).map {
      Array(bytes[$0..<min($0 + 16 << 10, bytes.count)])
    }
    #expect(try Self.read(pieces) == [.array([.bytes(value), .integer(1)])])
  }

  @Test("No bytes whatever end the process")
  func random() {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("*$:+-0123456789\r\n\r\n\r\n".utf8)
    var refused = 0
    for _ in 0..<5000 {
      let bytes = (0..<60).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
      do throws(RESPSyntaxError) { _ = try Self.read([bytes]) } catch { refused += 1 }
    }
    #expect(refused > 0)
  }

  @Test("A command is an array of texts, their lengths in bytes")
  func command() throws {
    let command = RedisCommand("SET", .text("ü"), .bytes([0, 13, 10]), "PX", .number(-5))
    let expected: [RESPValue] = [
      .bytes(Array("SET".utf8)), .bytes(Array("ü".utf8)), .bytes([0, 13, 10]), .bytes(Array("PX".utf8)),
      .bytes(Array("-5".utf8)),
    ]
    #expect(try Self.read([command.bytes]) == [.array(expected)])
    #expect(Array("*1\r\n$4\r\nPING\r\n".utf8) == RedisCommand("PING").bytes)
  }
}
