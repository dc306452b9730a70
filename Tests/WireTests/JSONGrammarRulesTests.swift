import Testing
import Wire

@Suite("A text is JSON exactly when RFC 8259 says so")
struct JSONGrammarRulesTests {
  static let numbers = [
    "0", "-0", "1", "-1", "12", "1234567890", "0.0", "-0.0", "0.5", "10.25", "1e5", "1E5", "1e+5", "1e-5", "1E-05",
    "0e0", "0E+1", "-1.5e10", "1.0", "123456789012345678901234567890", "1e400", "0.1e-999",
  ]

  static let notNumbers = [
    "-", "+1", "01", "-01", "00", "-00", "1.", "-1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1E", "0.e1", "1.2.3",
    "1e5.5", "1e5e5", "--1", "- 1", "1 2", "0x10", "1_000", "1,000", "NaN", "nan", "Infinity", "-Infinity", "Inf",
    "1f", "1d", "٣", "１",
  ]

  @Test("Numbers", arguments: numbers)
  func number(text: String) throws {
    #expect(try JSONText.value([UInt8](text)) == 0..<text.utf8.count)
    #expect(JSONText.isAccepted([UInt8]("[\(text)]")))
    #expect(JSONText.isAccepted([UInt8]("{\"a\":\(text)}")))
  }

  @Test("What looks like a number is refused alone, in an array and in an object", arguments: notNumbers)
  func notNumber(text: String) {
    #expect(!JSONText.isAccepted([UInt8](text)))
    #expect(!JSONText.isAccepted([UInt8]("{\"a\":\(text)}")))
    // In an array a comma separates, so that this one is two numbers (the second of them wrong on its own account).
    #expect(!JSONText.isAccepted([UInt8]("[\(text)]")))
  }

  @Test("Words", arguments: ["true", "false", "null"])
  func word(text: String) throws {
    #expect(try JSONText.value([UInt8](text)) == 0..<text.count)
    for end in 0..<text.count {
      #expect(!JSONText.isAccepted([UInt8](String(text.prefix(end)))), "cut after \(end)")
    }
    let capitalized = text.prefix(1).uppercased() + text.dropFirst()
    for wrong in [text.uppercased(), capitalized, text + text, text + "x", "x" + text, "\"a\":" + text] {
      #expect(!JSONText.isAccepted([UInt8](wrong)), "\(wrong)")
    }
  }

  @Test(
    "Structures",
    arguments: [
      "[]", "{}", "[[]]", "[{}]", "{\"a\":[]}", "[1,2]", "[1,\"a\",true,null,{},[]]", "{\"a\":1,\"b\":2}", "{\"\":0}",
      "{\"a\":1,\"a\":2}", "\"\"", " 1 ", "\t[\n1\r,\n2 ]\n", "\r\n{ \"a\" : 1 , \"b\" : [ ] }\t", "[\n\n\n]",
    ])
  func structure(text: String) {
    #expect(JSONText.isAccepted([UInt8](text)))
  }

  @Test(
    "Broken structures",
    arguments: [
      "", " ", "\n", "[", "]", "{", "}", "[1", "[1,", "[,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1;2]", "[1}", "{]",
      "[[1]", "[1]]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,\"a\":1}", "{\"a\" 1}",
      "{\"a\"::1}", "{\"a\",1}", "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}",
      "{[]:1}", "{\"a\":}", "{:1}", "{\"a\"}", "['a']", "1 1", "[] []", "{}{}", "[]x", "1x", "\"a\"\"b\"", ",", ":",
      "\"a\":1", "// a\n1", "/* a */1", "1// a", "[1/**/]", "# a\n1", "\u{FEFF}1", "\u{FEFF}{}", "1\u{FEFF}",
      "\u{A0}1", "\u{2028}1", "1\u{B}", "\u{C}1", "1\u{0}", "\u{0}", "undefined", "*", "[1]\u{0}", "<html>",
      "data: {}",
    ])
  func brokenStructure(text: String) {
    #expect(!JSONText.isAccepted([UInt8](text)))
  }

  @Test("Every text that is cut short is refused")
  func cutAnywhere() {
    let text = [UInt8](#" {"a":[1.5e-3,"b\u00e9\n",true,{"c":null}],"é€😀":{"":[[],-0]}}"#)
    #expect(JSONText.isAccepted(text))
    for end in 0..<text.count {
      #expect(!JSONText.isAccepted(Array(text[..<end])), "cut after \(end)")
    }
  }

  @Test("256 levels of nesting are accepted, 257 are refused", arguments: ["[]", "{}", "mixed"])
  func depth(kind: String) {
    #expect(JSONCursor.maximumDepth == 256)
    #expect(JSONText.isAccepted(nested(256, kind)))
    let refused = nested(257, kind)
    #expect(!JSONText.isAccepted(refused))
    #expect(JSONText.error(refused)?.expected == "at most 256 levels of nesting")
  }

  @Test("Levels are counted where they are open, not where they were")
  func siblings() {
    let deep = String(decoding: nested(255, "[]"), as: UTF8.self)
    #expect(JSONText.isAccepted([UInt8]("[\(Array(repeating: deep, count: 5).joined(separator: ","))]")))
  }

  @Test("A million brackets are refused without exhausting the stack", arguments: ["[", "{\"a\":", "[{\"a\":"])
  func bomb(unit: String) {
    #expect(!JSONText.isAccepted([UInt8](String(repeating: unit, count: 1_000_000))))
  }

  private func nested(_ depth: Int, _ kind: String) -> [UInt8] {
    let isObject = { (level: Int) in kind == "{}" || (kind == "mixed" && level % 2 == 0) }
    let opening = (0..<depth).map { isObject($0) ? ($0 == depth - 1 ? "{" : "{\"a\":") : "[" }
    let closing = (0..<depth).reversed().map { isObject($0) ? "}" : "]" }
    return [UInt8]((opening + closing).joined())
  }
}
