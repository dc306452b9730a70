import Foundation
import Wire

/// The JSON scanner: every way to read a text says the same of it, and Foundation agrees.
enum JSONSubject {
  static func check(_ text: UnsafeRawBufferPointer) {
    switch verdict(on: text) {
    case .success(let place):
      checkPlace(place, in: text)
      checkReaders(text, place)
      checkReferee(text, isAccepted: true)
    case .failure(let error):
      expect((0...text.count).contains(error.offset), "an error at \(error.offset) of \(text.count)")
      checkReferee(text, isAccepted: false)
    }
  }

  /// Where the text's one value stands, or why it is none.
  static func verdict(on text: UnsafeRawBufferPointer) -> Result<Range<Int>, JSONSyntaxError> {
    read(text) { cursor in
      defer { expect((0...text.count).contains(cursor.offset), "the cursor is in the text") }
      let place = try cursor.skip()
      try cursor.end()
      return place
    }
  }

  private static func read<Value>(
    _ text: UnsafeRawBufferPointer, _ body: (inout JSONCursor) throws -> Value
  ) -> Result<Value, JSONSyntaxError> {
    var cursor = JSONCursor(text)
    do {
      return .success(try body(&cursor))
    } catch let error as JSONSyntaxError {
      return .failure(error)
    } catch {
      fatalError("another error: \(error)")  // The cursor promises one kind.
    }
  }

  /// The value alone is the same value, and nothing but white space is around it.
  private static func checkPlace(_ place: Range<Int>, in text: UnsafeRawBufferPointer) {
    let value = UnsafeRawBufferPointer(rebasing: text[place])
    expect(verdict(on: value) == .success(0..<place.count), "the value alone is the same value")
    let around = [text[..<place.lowerBound], text[place.upperBound...]]
    expect(around.allSatisfy { $0.allSatisfy(isSpace) }, "only space around the value")
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  // MARK: The readers

  /// What `skip` accepts, the readers of each kind read, over the same extent.
  private static func checkReaders(_ text: UnsafeRawBufferPointer, _ place: Range<Int>) {
    let walked = read(text) { cursor in
      try walk(&cursor, text)
      return cursor.offset
    }
    expect(walked == .success(place.upperBound), "read as \(walked), skipped as \(place)")
  }

  private static func walk(_ cursor: inout JSONCursor, _ text: UnsafeRawBufferPointer) throws {
    switch try cursor.peek() {
    case .object:
      try cursor.members { key, cursor in
        checkCoding(key.text)
        try walk(&cursor, text)
      }
    case .array:
      var count = 0
      try cursor.elements { position, cursor in
        expect(position == count, "elements are counted")
        count += 1
        try walk(&cursor, text)
      }
    case .string: try walkString(&cursor, text)
    case .number: try walkNumber(&cursor, text)
    case .bool:
      let letter = text[cursor.offset]
      expect(try cursor.bool() == (letter == UInt8(ascii: "t")), "the right word")
    case .null: try cursor.skip()
    }
  }

  /// A string is read, or is half a surrogate pair and then skipped.
  private static func walkString(_ cursor: inout JSONCursor, _ text: UnsafeRawBufferPointer) throws {
    var reader = cursor
    let place = try cursor.skip()
    do {
      checkCoding(try reader.string())
      expect(reader.offset == place.upperBound, "a string is read to its end")
    } catch let error as JSONSyntaxError {
      expect(error.offset == place.lowerBound && hasSurrogate(text[place]), "half a pair is in what cannot be read")
    }
  }

  private static func walkNumber(_ cursor: inout JSONCursor, _ text: UnsafeRawBufferPointer) throws {
    let start = cursor.offset
    let number = try cursor.integer()
    let written = String(decoding: text[start..<cursor.offset], as: UTF8.self)
    expect(number == Int(written), "\(written) is read as \(String(describing: number))")
  }

  /// What is written is read again, and nothing in it needs another escape.
  private static func checkCoding(_ text: String) {
    var written: [UInt8] = []
    JSONString.encode(text, into: &written)
    expect(written.elementsEqual(JSONString.encode(text).utf8), "both ways to write agree")
    written.withUnsafeBytes { bytes in
      let again = read(bytes) { cursor in
        let text = try cursor.string()
        try cursor.end()
        return Array(text.utf8)
      }
      expect(again == .success(Array(text.utf8)), "what was written is read again")
    }
  }

  // MARK: The referee

  private static func checkReferee(_ text: UnsafeRawBufferPointer, isAccepted: Bool) {
    guard isAccepted != isAcceptedByFoundation(text) else { return }
    let isDisputed = isAccepted ? hasSurrogate(text[...]) || hasHugeNumber(text) : mayBeMore(text)
    expect(isDisputed, "Foundation says otherwise, ours says \(isAccepted)")
  }

  private static func isAcceptedByFoundation(_ text: UnsafeRawBufferPointer) -> Bool {
    // The value and the error do not matter, only which of the two came.
    (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
  }

  /// Half a surrogate pair is no text to Foundation; the grammar allows it.
  private static func hasSurrogate(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
    text.indices.contains { index in
      text[index...].starts(with: #"\u"#.utf8) && text[index...].dropFirst(2).first.map(isLetterD) == true
    }
  }

  private static func isLetterD(_ byte: UInt8) -> Bool { byte | 0x20 == UInt8(ascii: "d") }

  /// An exponent of three digits, or hundreds of digits, can be past Foundation's numbers; the grammar has no limit.
  private static func hasHugeNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    let digits = text.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.contains { digits in
      let before = digits.startIndex > 0 ? text[digits.startIndex - 1] : 0
      return digits.count >= 300 || digits.count >= 3 && "eE+-".utf8.contains(before)
    }
  }

  /// What Foundation accepts beyond RFC 8259: other encodings, a comma at the end, twice the depth.
  private static func mayBeMore(_ text: UnsafeRawBufferPointer) -> Bool {
    if text.prefix(4).contains(0) || text.starts(with: [0xEF, 0xBB, 0xBF]) || text.starts(with: [0xFE, 0xFF])
      || text.starts(with: [0xFF, 0xFE])
    {
      return true
    }
    let dense = text.filter { !isSpace($0) }
    let closing = zip(dense, dense.dropFirst()).contains { $0 == UInt8(ascii: ",") && ($1 | 0x20) == UInt8(ascii: "}") }
    return closing || dense.count { $0 | 0x20 == UInt8(ascii: "{") } > JSONCursor.maximumDepth
  }
}
