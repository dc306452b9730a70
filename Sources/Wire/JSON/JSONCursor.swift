/// What kind of value stands in a JSON text.
package enum JSONKind: UInt8, Sendable, CaseIterable {
  case object, array, string, number, bool, null
}

/// Several kinds.
package struct JSONKinds: OptionSet, Sendable {
  /// One bit for each kind.
  package let rawValue: UInt8

  /// The kinds of these bits.
  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// The set of one kind.
  package init(_ kind: JSONKind) {
    rawValue = 1 << kind.rawValue
  }

  /// An object.
  package static let object = JSONKinds(.object)
  /// An array.
  package static let array = JSONKinds(.array)
  /// A string.
  package static let string = JSONKinds(.string)
  /// A number.
  package static let number = JSONKinds(.number)
  /// `true` or `false`.
  package static let bool = JSONKinds(.bool)
  /// `null`.
  package static let null = JSONKinds(.null)
}

/// Where a text stops being JSON, and what would have been right there.
package struct JSONSyntaxError: Error, Sendable, Equatable {
  /// Bytes from the start of the text.
  package var offset: Int
  /// What would have been right: `',' or '}'`.
  package var expected: String

  /// Makes an error.
  package init(offset: Int, expected: String) {
    self.offset = offset
    self.expected = expected
  }
}

/// Walks a JSON text once, from left to right, in the bytes that arrived; it builds no tree and copies nothing.
///
/// It accepts exactly the texts of RFC 8259 in UTF-8, nested at most `maximumDepth` deep. The bytes must stay where
/// they are for as long as the cursor lives: use it inside `withUnsafeReadableBytes`. Every step throws
/// `JSONSyntaxError` where the text stops being JSON.
///
/// Source: RFC 8259 (grammar), RFC 3629 (UTF-8).
package struct JSONCursor {
  /// Deeper texts are refused, so that a body of brackets cannot exhaust the stack.
  package static let maximumDepth = 256

  /// The whole text.
  package let bytes: UnsafeRawBufferPointer
  /// Where the next byte is read.
  package internal(set) var offset = 0
  private var depth = 0

  /// Starts at the first byte.
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// The kind of the value that comes next; nothing is consumed but white space.
  package mutating func peek() throws -> JSONKind {
    skipSpace()
    guard offset < bytes.count else { throw error("a value") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw error("a value")
    }
  }

  /// Consumes the next value whatever it is; returns where it stands.
  @discardableResult
  package mutating func skip() throws -> Range<Int> {
    let kind = try peek()
    let start = offset
    switch kind {
    case .object: try members { _, cursor in try cursor.skip() }
    case .array: try elements { _, cursor in try cursor.skip() }
    case .string: try scanString()
    case .number: try scanNumber()
    case .bool: try scanWord(bytes[offset] == UInt8(ascii: "t") ? "true" : "false")
    case .null: try scanWord("null")
    }
    return start..<offset
  }

  /// Consumes an object; `visit` gets each key and must consume its value.
  ///
  /// - Throws: `JSONSyntaxError`, and what `visit` throws.
  package mutating func members(_ visit: (JSONKey, inout JSONCursor) throws -> Void) throws {
    try enter("{")
    if !close("}") {
      repeat {
        skipSpace()
        guard byte == UInt8(ascii: "\"") else { throw error("a key in quotes") }
        let key = JSONKey(literal: try scanString(), in: bytes)
        try take(":")
        try visit(key, &self)
      } while try more("}")
    }
    depth -= 1
  }

  /// Consumes an array; `visit` gets each element's position and must consume it.
  ///
  /// - Throws: `JSONSyntaxError`, and what `visit` throws.
  package mutating func elements(_ visit: (Int, inout JSONCursor) throws -> Void) throws {
    try enter("[")
    var position = 0
    if !close("]") {
      repeat {
        try visit(position, &self)
        position += 1
      } while try more("]")
    }
    depth -= 1
  }

  /// Consumes a key and its colon, in a piece cut out of an object, and lets `read` consume the value.
  package mutating func value<Value>(ofMember read: (inout JSONCursor) throws -> Value) throws -> Value {
    try scanString()
    try take(":")
    return try read(&self)
  }

  /// Consumes a string and decodes its escapes.
  package mutating func string() throws -> String {
    guard try peek() == .string else { throw error("a string") }
    let start = offset
    guard let text = JSONString.decode(try scanString(), in: bytes) else {
      throw JSONSyntaxError(offset: start, expected: "a string without half a surrogate pair")
    }
    return text
  }

  /// Consumes `true` or `false`.
  package mutating func bool() throws -> Bool {
    guard try peek() == .bool else { throw error("true or false") }
    let isTrue = bytes[offset] == UInt8(ascii: "t")
    try scanWord(isTrue ? "true" : "false")
    return isTrue
  }

  /// Consumes a whole number that fits; nil for any other number, which is consumed too.
  package mutating func integer() throws -> Int? {
    guard try peek() == .number else { throw error("a number") }
    let start = offset
    try scanNumber()
    return Int(String(decoding: bytes[start..<offset], as: UTF8.self))
  }

  /// Makes sure that nothing but white space follows.
  package mutating func end() throws {
    skipSpace()
    guard offset == bytes.count else { throw error("the end of the text") }
  }

  // MARK: The grammar

  private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  func error(_ expected: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: offset, expected: expected)
  }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  private mutating func enter(_ bracket: Unicode.Scalar) throws {
    try take(bracket)
    depth += 1
    guard depth <= Self.maximumDepth else { throw error("at most \(Self.maximumDepth) levels of nesting") }
  }

  private mutating func close(_ bracket: Unicode.Scalar) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: bracket) else { return false }
    offset += 1
    return true
  }

  private mutating func more(_ bracket: Unicode.Scalar) throws -> Bool {
    if close(bracket) { return false }
    guard byte == UInt8(ascii: ",") else { throw error("',' or '\(bracket)'") }
    offset += 1
    return true
  }

  private mutating func take(_ expected: Unicode.Scalar) throws {
    skipSpace()
    guard byte == UInt8(ascii: expected) else { throw error("'\(expected)'") }
    offset += 1
  }

  private mutating func scanWord(_ word: StaticString) throws {
    for position in 0..<word.utf8CodeUnitCount {
      guard byte == word.utf8Start[position] else { throw error("\(word)") }
      offset += 1
    }
  }

  private mutating func scanNumber() throws {
    if byte == UInt8(ascii: "-") { offset += 1 }
    if byte == UInt8(ascii: "0") { offset += 1 } else { try scanDigits() }
    if byte == UInt8(ascii: ".") {
      offset += 1
      try scanDigits()
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      offset += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
      try scanDigits()
    }
  }

  private mutating func scanDigits() throws {
    let start = offset
    while let byte, byte &- UInt8(ascii: "0") < 10 { offset += 1 }
    guard offset > start else { throw error("a digit") }
  }
}
