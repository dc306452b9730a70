import Testing
import Wire

@Suite("The cursor walks a text once and knows where everything stands")
struct JSONCursorRulesTests {
  @Test(
    "The kind of a value is known from its first byte",
    arguments: [
      ("{", JSONKind.object), ("[", .array), ("\"", .string), ("t", .bool), ("f", .bool), ("n", .null), ("-", .number),
      ("0", .number), ("9", .number), (" \n\t\r{", .object),
    ])
  func kinds(text: String, kind: JSONKind) throws {
    let (found, offset) = try JSONText.read([UInt8](text)) { (try $0.peek(), $0.offset) }
    #expect(found == kind)
    #expect(offset == text.utf8.count - 1, "only white space is consumed")
  }

  @Test("skip() returns where a value stands, without the white space around it")
  func positions() throws {
    let text = [UInt8](#" { "a" : [1, 2 ] , "b":"x\"y" ,"c":{"d": -1.5e3 }}  "#)
    let found = try JSONText.read(text) { cursor in
      var values: [String: String] = [:]
      try cursor.members { key, cursor in
        values[key.text] = String(decoding: text[try cursor.skip()], as: UTF8.self)
      }
      try cursor.end()
      return values
    }
    #expect(found == ["a": "[1, 2 ]", "b": #""x\"y""#, "c": #"{"d": -1.5e3 }"#])
    #expect(try JSONText.value(text) == 1..<(text.count - 2))
  }

  @Test("Elements come with their position")
  func elements() throws {
    let found = try JSONText.read([UInt8](#"["a","b", "c" ]"#)) { cursor in
      var found: [String] = []
      try cursor.elements { position, cursor in found.append("\(position)\(try cursor.string())") }
      return found
    }
    #expect(found == ["0a", "1b", "2c"])
  }

  @Test("A value that the visitor leaves unread is a mistake that is noticed")
  func unread() {
    #expect(throws: JSONSyntaxError.self) { try JSONText.read([UInt8]("[1]")) { try $0.elements { _, _ in } } }
    #expect(throws: JSONSyntaxError.self) { try JSONText.read([UInt8]("{\"a\":1}")) { try $0.members { _, _ in } } }
  }

  @Test("What a visitor throws comes out")
  func visitorThrows() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try JSONText.read([UInt8]("[1]")) { try $0.elements { _, _ in throw Stop() } } }
    #expect(throws: Stop.self) { try JSONText.read([UInt8]("{\"a\":1}")) { try $0.members { _, _ in throw Stop() } } }
  }

  @Test(
    "A key matches by its text, however it is written",
    arguments: [
      (#"model"#, true), (#"mod\u0065l"#, true), (#"\u006d\u006F\u0064\u0065\u006C"#, true), (#"Model"#, false),
      (#"mode"#, false), (#"models"#, false), (#"mod\u0065ls"#, false), (#""#, false), (#"model\u0000"#, false),
      (#"mod\\u0065l"#, false), (#" model"#, false), (#"mоdel"#, false), (#"model\ud800"#, false),
    ])
  func keys(key: String, isModel: Bool) throws {
    let matches = try JSONText.read([UInt8]("{\"\(key)\":0}")) { cursor in
      var matches = false
      try cursor.members { key, cursor in
        if case "model" = key { matches = true }
        try cursor.skip()
      }
      return matches
    }
    #expect(matches == isModel)
  }

  /// U+212A, the Kelvin sign, is canonically equal to K and equal to it as a Swift string; to JSON it is another key.
  @Test("Keys are compared scalar by scalar, escaped or not", arguments: ["\u{212A}", #"\u212a"#])
  func canonicalEquivalents(key: String) throws {
    let matches = try JSONText.read([UInt8]("{\"\(key)\":0}")) { cursor in
      var matches = false
      try cursor.members { key, cursor in
        if case "K" = key { matches = true }
        try cursor.skip()
      }
      return matches
    }
    #expect(!matches)
  }

  @Test(
    "A key's text has its escapes decoded; with half a surrogate pair it stays as it is written",
    arguments: [(#"a\u0041\n"#, "aA\n"), (#"é"#, "é"), (#"\ud83d\ude00"#, "😀"), (#"x\ud800"#, #"x\ud800"#)])
  func keyText(key: String, expected: String) throws {
    let text = try JSONText.read([UInt8]("{\"\(key)\":0}")) { cursor in
      var text = ""
      try cursor.members { key, cursor in
        text = key.text
        try cursor.skip()
      }
      return text
    }
    #expect(text == expected)
  }

  @Test(
    "Integers are whole numbers that fit; other numbers are consumed and are none",
    arguments: [
      ("0", 0), ("-0", 0), ("42", 42), ("-7", -7), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
      ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1.0", nil), ("1e2", nil), ("1E0", nil),
      ("99999999999999999999999999", nil),
    ] as [(String, Int?)])
  func integers(text: String, expected: Int?) throws {
    try JSONText.read([UInt8](text + " ")) { cursor in
      #expect(try cursor.integer() == expected)
      #expect(cursor.offset == text.utf8.count)
      try cursor.end()
    }
  }

  @Test("Booleans", arguments: [("true", true), (" false", false)])
  func booleans(text: String, expected: Bool) throws {
    #expect(try JSONText.read([UInt8](text)) { try $0.bool() } == expected)
  }

  @Test(
    "A value of another kind is refused where it stands, with what was expected",
    arguments: ["{}", "[]", "\"a\"", "1", "true", "null", ""])
  func otherKinds(text: String) throws {
    let readers: [(String, String, (inout JSONCursor) throws -> Void)] = [
      ("\"", "a string", { _ = try $0.string() }), ("1", "a number", { _ = try $0.integer() }),
      ("t", "true or false", { _ = try $0.bool() }),
      ("{", "'{'", { try $0.members { _, cursor in try cursor.skip() } }),
      ("[", "'['", { try $0.elements { _, cursor in try cursor.skip() } }),
    ]
    for (first, expected, reader) in readers where !text.hasPrefix(first) {
      let words = text.isEmpty && !expected.hasPrefix("'") ? "a value" : expected
      #expect(throws: JSONSyntaxError(offset: 2, expected: words)) {
        try JSONText.read([UInt8]("  " + text), reader)
      }
    }
  }

  @Test(
    "An error says where the text stops being JSON and what would have been right",
    arguments: [
      ("", 0, "a value"), ("  ", 2, "a value"), ("[1 2]", 3, "',' or ']'"), ("{\"a\":1 2}", 7, "',' or '}'"),
      ("{a}", 1, "a key in quotes"), ("{\"a\"}", 4, "':'"), ("{\"a\":1,}", 7, "a key in quotes"),
      ("[1,]", 3, "a value"),
      ("1 x", 2, "the end of the text"), ("\u{FEFF}1", 0, "a value"), ("tru", 3, "true"), ("nulL", 3, "null"),
      ("-x", 1, "a digit"), ("1.x", 2, "a digit"), ("1ex", 2, "a digit"), ("01", 1, "the end of the text"),
      ("\"abc", 4, "'\"'"), ("\"a\nb\"", 2, "a control character written as an escape"), ("\"ab\\x\"", 3, "an escape"),
      ("\"ab\\u12x4\"", 3, "\\u and four hexadecimal digits"),
    ])
  func errors(text: String, offset: Int, expected: String) {
    #expect(JSONText.error([UInt8](text)) == JSONSyntaxError(offset: offset, expected: expected))
  }
}
