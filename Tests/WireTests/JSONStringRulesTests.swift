import Testing
import Wire

@Suite("Strings are UTF-8 with escapes, and nothing else")
struct JSONStringRulesTests {
  @Test(
    "Each escape means one character",
    arguments: [
      (#""\"""#, "\""), (#""\\""#, "\\"), (#""\/""#, "/"), (#""\b""#, "\u{8}"), (#""\f""#, "\u{C}"), (#""\n""#, "\n"),
      (#""\r""#, "\r"), (#""\t""#, "\t"), (#""\u0000""#, "\u{0}"), (#""\u0041""#, "A"), (#""\u00e9\u00E9""#, "éé"),
      (#""\uD83D\uDE00""#, "😀"), (#""\ud83d\ude00x""#, "😀x"), (#""\udbff\udfff""#, "\u{10FFFF}"),
      (#""\ud800\udc00""#, "\u{10000}"), (#""\uffff""#, "\u{FFFF}"), (#""\\u0041""#, "\\u0041"),
      (#""\\\u0041\\""#, "\\A\\"), (#""a\nb\tc""#, "a\nb\tc"), (#""""#, ""), ("\"é€😀\"", "é€😀"),
      ("\"\u{7F}\u{2028}\u{FEFF}\u{FFFE}\"", "\u{7F}\u{2028}\u{FEFF}\u{FFFE}"),
    ])
  func escapes(text: String, expected: String) throws {
    let decoded = try JSONText.string([UInt8](text))
    #expect(Array(decoded.unicodeScalars) == Array(expected.unicodeScalars))
    #expect(JSONText.isAccepted([UInt8](text)))
  }

  @Test(
    "What is no escape is refused",
    arguments: [
      #""\a""#, #""\x41""#, #""\0""#, #""\'""#, #""\U0041""#, #""\u""#, #""\u0""#, #""\u00""#, #""\u004""#,
      #""\u004g""#, #""\u00 41""#, #""\u{41}""#, #""\u+041""#, #""\u-041""#, #""\""#, #""\\\""#, #"""#, #""a"#, #""\"#,
      #""\u"#, #""\u00"#, #""\u0041"#, "\"\\\n\"", "\"\\é\"", "\"\\\u{0}\"", #"'a'"#,
    ])
  func noEscapes(text: String) {
    #expect(!JSONText.isAccepted([UInt8](text)))
    #expect(!JSONText.isAccepted([UInt8]("{\(text):1}")), "as a key")
  }

  /// RFC 8259, section 8.2: the grammar allows half a pair; it has no text, so that only reading it fails.
  @Test(
    "Half a surrogate pair may stand in a text that is passed on, and cannot be read as a string",
    arguments: [
      #""\ud800""#, #""\udc00""#, #""\udfff""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\u0041""#, #""\ud83d\ud83d""#,
      #""\ude00\ud83d""#, #""\ud83d\\ude00""#, #""x\ud83d""#,
    ])
  func loneSurrogates(text: String) {
    #expect(JSONText.isAccepted([UInt8](text)))
    #expect(throws: JSONSyntaxError(offset: 0, expected: "a string without half a surrogate pair")) {
      try JSONText.string([UInt8](text))
    }
  }

  @Test("A control character is refused at every offset from the start of a word of eight", arguments: 0...16)
  func controls(offset: Int) {
    for control in UInt8(0)..<0x20 {
      for tail in [0, 1, 7, 8, 20] {
        #expect(!JSONText.isAccepted(quoted([control], at: offset, tail: tail)), "\(control), \(tail) more")
      }
    }
  }

  @Test("Every other byte of ASCII passes at every offset", arguments: 0...16)
  func plain(offset: Int) {
    for byte in UInt8(0x20)..<0x80 where byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") {
      #expect(JSONText.isAccepted(quoted([byte], at: offset, tail: 9)), "\(byte)")
    }
  }

  @Test("A quote ends the string at every offset", arguments: 0...16)
  func quotes(offset: Int) throws {
    let text = quoted([], at: offset, tail: 0)
    #expect(try JSONText.value(text) == 0..<(offset + 2))
    #expect(!JSONText.isAccepted(text + [UInt8]("aaaaaaaaaaaaaaaa\"")))
    #expect(try JSONText.string(text + [UInt8](",\"\u{1}\\x")) == String(repeating: "a", count: offset))
  }

  /// The first and last scalar of each length, and of each range of second bytes in RFC 3629's grammar.
  static let scalars: [Unicode.Scalar] = [
    "\u{80}", "\u{7FF}", "\u{800}", "\u{FFF}", "\u{1000}", "\u{CFFF}", "\u{D000}", "\u{D7FF}", "\u{E000}", "\u{FFFD}",
    "\u{FFFF}", "\u{10000}", "\u{3FFFF}", "\u{40000}", "\u{FFFFF}", "\u{100000}", "\u{10FFFF}",
  ]

  @Test("Every kind of scalar passes at every offset, and no part of it does", arguments: 0...16)
  func multibyte(offset: Int) throws {
    for scalar in Self.scalars {
      let bytes = [UInt8](String(scalar))
      let text = quoted(bytes, at: offset, tail: 3)
      #expect(try JSONText.string(text).unicodeScalars.dropFirst(offset).first == scalar)
      for end in 1..<bytes.count {
        #expect(!JSONText.isAccepted(quoted(Array(bytes[..<end]), at: offset, tail: 0)), "\(scalar.value) cut")
        #expect(!JSONText.isAccepted(quoted(Array(bytes[..<end]), at: offset, tail: 9)), "\(scalar.value) cut")
        #expect(!JSONText.isAccepted(quoted(Array(bytes[end...]), at: offset, tail: 9)), "\(scalar.value) headless")
        #expect(!JSONText.isAccepted(Array(text[...(offset + end)])), "the text ends in \(scalar.value)")
      }
    }
  }

  static let invalid: [[UInt8]] = [
    // Continuation bytes on their own, and bytes that never occur.
    [0x80], [0xBF], [0xC0], [0xC1], [0xF5], [0xF8], [0xFC], [0xFE], [0xFF], [0xFF, 0xFE],
    // Overlong: '/', NUL, U+7FF and U+FFFF in more bytes than they need.
    [0xC0, 0xAF], [0xC1, 0xBF], [0xC0, 0x80], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
    [0xF0, 0x8F, 0xBF, 0xBF], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80],
    // Surrogates, alone and as a pair (CESU-8).
    [0xED, 0xA0, 0x80], [0xED, 0xAF, 0xBF], [0xED, 0xB0, 0x80], [0xED, 0xBF, 0xBF],
    [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
    // Beyond U+10FFFF.
    [0xF4, 0x90, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
    // A byte in the middle or at the end that continues nothing.
    [0xC3, 0x28], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xE2, 0x82, 0xC3], [0xF0, 0x28, 0x8C, 0xBC],
    [0xF0, 0x90, 0x28, 0xBC], [0xF0, 0x90, 0x8C, 0x28], [0xF0, 0x9F, 0x98, 0xFF], [0xC3, 0xC3, 0xA9],
  ]

  @Test("What is not UTF-8 is refused at every offset", arguments: 0...16)
  func invalidBytes(offset: Int) {
    for bytes in Self.invalid {
      for tail in [0, 1, 8, 17] {
        #expect(!JSONText.isAccepted(quoted(bytes, at: offset, tail: tail)), "\(bytes), \(tail) more")
      }
    }
    #expect(!JSONText.isAccepted([0xFF, 0xFE, 0x31, 0x00]), "UTF-16 outside of a string")
  }

  @Test("An escape is understood at every offset", arguments: 0...16)
  func escapesAnywhere(offset: Int) throws {
    let text = quoted([UInt8](#"\u00e9\\\"\n"#), at: offset, tail: 11)
    let prefix = String(repeating: "a", count: offset)
    #expect(try JSONText.string(text) == prefix + "é\\\"\n" + String(repeating: "a", count: 11))
  }

  private func quoted(_ bytes: [UInt8], at offset: Int, tail: Int) -> [UInt8] {
    let filler = UInt8(ascii: "a")
    return [UInt8(ascii: "\"")] + Array(repeating: filler, count: offset) + bytes
      + Array(repeating: filler, count: tail) + [UInt8(ascii: "\"")]
  }
}
