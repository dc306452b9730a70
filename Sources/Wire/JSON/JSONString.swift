import Glibc

extension JSONCursor {
  /// Consumes a string, from quote to quote, and checks its escapes and its UTF-8.
  ///
  /// Eight plain bytes are passed at a time: a word is plain when no byte in it is a quote, a backslash, a control
  /// character or outside ASCII.
  @discardableResult
  mutating func scanString() throws -> JSONLiteral {
    let start = offset
    var escaped = false
    offset += 1
    while true {
      skipPlainWords()
      guard offset < bytes.count else { throw error("'\"'") }
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return JSONLiteral(range: start..<offset, isEscaped: escaped)
      case UInt8(ascii: "\\"):
        escaped = true
        try scanEscape()
      case 0..<0x20:
        throw error("a control character written as an escape")
      case 0x80...:
        try scanMultibyte()
      default:
        offset += 1
      }
    }
  }

  private mutating func skipPlainWords() {
    guard let start = bytes.baseAddress else { return }
    let last = bytes.count - 8
    var position = offset
    while position <= last, (start + position).loadUnaligned(as: UInt64.self).isPlainText { position += 8 }
    offset = position
  }

  private mutating func scanEscape() throws {
    guard offset + 1 < bytes.count else { throw error("an escape") }
    switch bytes[offset + 1] {
    case UInt8(ascii: "u"):
      guard offset + 6 <= bytes.count, bytes[(offset + 2)..<(offset + 6)].allSatisfy(\.isHexDigit) else {
        throw error("\\u and four hexadecimal digits")
      }
      offset += 6
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 2
    default:
      throw error("an escape")
    }
  }

  /// One scalar of two to four bytes, neither overlong, nor a surrogate, nor past U+10FFFF (RFC 3629, section 4).
  private mutating func scanMultibyte() throws {
    let lead = bytes[offset]
    let second: ClosedRange<UInt8>
    let length: Int
    switch lead {
    case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
    case 0xE0: (second, length) = (0xA0...0xBF, 3)
    case 0xED: (second, length) = (0x80...0x9F, 3)
    case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
    case 0xF0: (second, length) = (0x90...0xBF, 4)
    case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
    case 0xF4: (second, length) = (0x80...0x8F, 4)
    default: throw error("UTF-8")
    }
    guard offset + length <= bytes.count, second.contains(bytes[offset + 1]) else { throw error("UTF-8") }
    for position in 2..<max(2, length) where bytes[offset + position] & 0xC0 != 0x80 { throw error("UTF-8") }
    offset += length
  }
}

extension UInt64 {
  /// Whether none of the eight bytes is a quote, a backslash, a control character or outside ASCII.
  fileprivate var isPlainText: Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = self ^ (ones &* UInt64(UInt8(ascii: "\"")))
    let slashes = self ^ (ones &* UInt64(UInt8(ascii: "\\")))
    // Taking n from a byte below n borrows from its highest bit. A neighbour may seem special for that borrow alone:
    // then the word is looked at byte by byte.
    let special =
      ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes) | ((self &- (ones &* 0x20)) & ~self) | self
    return special & (ones &* 0x80) == 0
  }
}

/// Where a string stands, quotes included, and whether it has escapes.
struct JSONLiteral {
  var range: Range<Int>
  var isEscaped: Bool
}

/// A key of an object, compared without being decoded unless it has escapes.
package struct JSONKey {
  private let literal: JSONLiteral
  private let bytes: UnsafeRawBufferPointer

  init(literal: JSONLiteral, in bytes: UnsafeRawBufferPointer) {
    self.literal = literal
    self.bytes = bytes
  }

  /// The key as text; one with half a surrogate pair, which has no text, as it is written.
  package var text: String {
    JSONString.decode(literal, in: bytes)
      ?? String(decoding: bytes[literal.range].dropFirst().dropLast(), as: UTF8.self)
  }

  package static func ~= (pattern: StaticString, key: JSONKey) -> Bool {
    let expected = UnsafeBufferPointer(start: pattern.utf8Start, count: pattern.utf8CodeUnitCount)
    let range = key.literal.range
    if key.literal.isEscaped {
      // No byte takes more than six as an escape: a longer key is not decoded to find that out.
      return range.count - 2 <= expected.count * 6 && key.text.utf8.elementsEqual(expected)
    }
    guard range.count - 2 == expected.count, let start = key.bytes.baseAddress else { return false }
    return memcmp(start + range.lowerBound + 1, pattern.utf8Start, expected.count) == 0
  }
}

/// Strings as JSON writes them.
package enum JSONString {
  /// Writes `text` with quotes and escapes, at the end of `output`.
  package static func encode(_ text: String, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      // Most texts have nothing to escape, and are copied as they are.
      if bytes.allSatisfy({ !$0.needsEscape }) {
        output.append(contentsOf: bytes)
      } else {
        escape(bytes, into: &output)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func escape(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0x0A: output += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case _ where byte.needsEscape:
        let digits = Array("0123456789abcdef".utf8)
        output += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: output.append(byte)
      }
    }
  }

  /// `text` with quotes and escapes.
  package static func encode(_ text: String) -> String {
    var output: [UInt8] = []
    encode(text, into: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// The text of a literal that was scanned before; nil when an escape is half a surrogate pair.
  static func decode(_ literal: JSONLiteral, in bytes: UnsafeRawBufferPointer) -> String? {
    let content = bytes[literal.range].dropFirst().dropLast()
    guard literal.isEscaped else { return String(decoding: content, as: UTF8.self) }
    var units: [UInt8] = []
    units.reserveCapacity(content.count)
    var position = content.startIndex
    while position < content.endIndex {
      guard content[position] == UInt8(ascii: "\\") else {
        units.append(content[position])
        position += 1
        continue
      }
      guard let (scalar, length) = escape(content[position...]) else { return nil }
      units += Array(String(scalar).utf8)
      position += length
    }
    return String(decoding: units, as: UTF8.self)
  }

  private static func escape(_ rest: Slice<UnsafeRawBufferPointer>) -> (Unicode.Scalar, Int)? {
    let letter = rest[rest.startIndex + 1]
    guard letter == UInt8(ascii: "u") else { return (simpleEscapes[letter] ?? Unicode.Scalar(letter), 2) }
    guard let high = unit(rest) else { return nil }
    if let scalar = Unicode.Scalar(high) { return (scalar, 6) }
    guard high & 0xFC00 == 0xD800, let low = unit(rest.dropFirst(6)), low & 0xFC00 == 0xDC00 else { return nil }
    let pair = 0x10000 + (UInt32(high & 0x3FF) << 10) + UInt32(low & 0x3FF)
    return Unicode.Scalar(pair).map { ($0, 12) }
  }

  private static func unit(_ rest: Slice<UnsafeRawBufferPointer>) -> UInt16? {
    guard rest.count >= 6, rest.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else { return nil }
    return UInt16(String(decoding: rest.dropFirst(2).prefix(4), as: UTF8.self), radix: 16)
  }

  private static let simpleEscapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r",
    UInt8(ascii: "t"): "\t",
  ]
}

extension UInt8 {
  /// Whether a string cannot hold it as it is. DEL could, but is no sight for a terminal.
  fileprivate var needsEscape: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\") || self == 0x7F
  }

  fileprivate var isHexDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
