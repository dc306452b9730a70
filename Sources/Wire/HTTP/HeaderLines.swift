/// The header lines of one head: the bytes as they stand on the wire, and an index of where names and values are.
///
/// Nothing is decoded until it is asked for.
package struct HeaderLines: Sendable, ExpressibleByDictionaryLiteral {
  /// Where one line's name and value stand in `bytes`.
  struct Line: Sendable {
    var name: Range<UInt32>
    var value: Range<UInt32>
  }

  /// `name: value` and CR LF, for each line.
  package private(set) var bytes: [UInt8]
  private var lines: [Line]

  /// No lines, and room for a usual head.
  package init() {
    bytes = []
    bytes.reserveCapacity(512)
    lines = []
    lines.reserveCapacity(16)
  }

  /// Lines in the order in which they are given.
  package init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements)
  }

  /// Lines in the order in which they are given.
  package init(_ elements: [(String, String)]) {
    self.init()
    for (name, value) in elements { add(name: name, value) }
  }

  /// Lines that stand in `bytes`.
  init(_ lines: [Line], in bytes: UnsafeRawBufferPointer) {
    self.bytes = Array(bytes)
    self.lines = lines
  }

  /// How many lines there are.
  package var count: Int { lines.count }

  // MARK: Reading

  /// The value of the first line of this name, which is given in lower case; nil where there is none.
  package func first(_ name: StaticString) -> String? {
    bytes.withUnsafeBytes { raw in
      for line in lines where raw.spells(name, at: line.name) { return raw.text(line.value) }
      return nil
    }
  }

  /// The values of all lines of this name, which is given in lower case.
  package func all(_ name: StaticString) -> [String] {
    bytes.withUnsafeBytes { raw in
      var values: [String] = []
      for line in lines where raw.spells(name, at: line.name) { values.append(raw.text(line.value)) }
      return values
    }
  }

  /// Whether there is a line of this name, which is given in lower case.
  package func contains(_ name: StaticString) -> Bool {
    count(of: name) > 0
  }

  /// How many lines of this name there are, which is given in lower case.
  package func count(of name: StaticString) -> Int {
    bytes.withUnsafeBytes { raw in
      var count = 0
      for line in lines where raw.spells(name, at: line.name) { count += 1 }
      return count
    }
  }

  /// Whether the first line of this name has this value, in any case; both are given in lower case.
  package func first(_ name: StaticString, is value: StaticString) -> Bool {
    bytes.withUnsafeBytes { raw in
      for line in lines where raw.spells(name, at: line.name) { return raw.spells(value, at: line.value) }
      return false
    }
  }

  /// Whether a list, spread over all lines of this name, holds this element, in any case; both are in lower case.
  package func list(_ name: StaticString, holds element: StaticString) -> Bool {
    bytes.withUnsafeBytes { raw in
      for line in lines where raw.spells(name, at: line.name) {
        if raw.spells(element, at: line.value) { return true }
        // By bytes: what other readers split, we split.
        for part in UnsafeRawBufferPointer(rebasing: raw[line.value.offsets]).split(separator: UInt8(ascii: ",")) {
          let word = part.drop(while: \.isBlank)
          let end = word.lastIndex { !$0.isBlank }.map { $0 + 1 } ?? word.startIndex
          let start = line.value.lowerBound + UInt32(word.startIndex)
          if raw.spells(element, at: start..<(line.value.lowerBound + UInt32(end))) { return true }
        }
      }
      return false
    }
  }

  /// Lets `body` read the bytes of the first value of this name, which is given in lower case; nil where there is none.
  package func withFirst<Result>(_ name: StaticString, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
    bytes.withUnsafeBytes { raw in
      for line in lines where raw.spells(name, at: line.name) {
        return body(UnsafeRawBufferPointer(rebasing: raw[line.value.offsets]))
      }
      return nil
    }
  }

  /// Every line as text, names as they were written.
  package var all: [(name: String, value: String)] {
    bytes.withUnsafeBytes { raw in
      lines.map { (name: raw.text($0.name), value: raw.text($0.value)) }
    }
  }

  // MARK: Writing

  /// Adds a line. Control characters in the value become spaces, so that no value can be read as another line.
  package mutating func add(_ name: StaticString, _ value: String) {
    let start = UInt32(bytes.count)
    bytes.append(name)
    add(value, after: start)
  }

  /// Adds a line whose value is written in place; `write` appends visible characters and spaces only.
  package mutating func add(_ name: StaticString, writing write: (inout [UInt8]) -> Void) {
    let start = UInt32(bytes.count)
    bytes.append(name)
    let nameEnd = UInt32(bytes.count)
    bytes.append(": ")
    let valueStart = UInt32(bytes.count)
    write(&bytes)
    lines.append(Line(name: start..<nameEnd, value: valueStart..<UInt32(bytes.count)))
    bytes.append("\r\n")
  }

  /// Adds a line whose name is not known beforehand; one that is not a token (RFC 9110, section 5.6.2) is left out.
  package mutating func add(name: String, _ value: String) {
    guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else { return }
    let start = UInt32(bytes.count)
    bytes.append(text: name)
    add(value, after: start)
  }

  private mutating func add(_ value: String, after start: UInt32) {
    let nameEnd = UInt32(bytes.count)
    bytes.append(": ")
    let valueStart = UInt32(bytes.count)
    bytes.append(text: value)
    for position in Int(valueStart)..<bytes.count where !bytes[position].isFieldByte {
      bytes[position] = UInt8(ascii: " ")
    }
    lines.append(Line(name: start..<nameEnd, value: valueStart..<UInt32(bytes.count)))
    bytes.append("\r\n")
  }
}

extension Range<UInt32> {
  var offsets: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}

extension UnsafeRawBufferPointer {
  fileprivate func text(_ range: Range<UInt32>) -> String {
    String(decoding: self[range.offsets], as: UTF8.self)
  }

  /// Whether a word stands here, in any case. `word` is in lower case, of letters, digits and hyphens alone.
  fileprivate func spells(_ word: StaticString, at range: Range<UInt32>) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    let start = Int(range.lowerBound)
    for offset in 0..<word.utf8CodeUnitCount {
      let expected = word.utf8Start[offset]
      let byte = self[start + offset]
      let isLetter = expected >= UInt8(ascii: "a")
      if byte != expected, !isLetter || byte | 0x20 != expected { return false }
    }
    return true
  }
}

extension UInt8 {
  /// Whether it may stand in a method or a header's name.
  ///
  /// Source: RFC 9110, section 5.6.2 (token).
  var isTokenByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "!"),
      UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."),
      UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  /// Whether it may stand in a header's value.
  ///
  /// Source: RFC 9110, section 5.5 (field-value, with obs-text).
  var isFieldByte: Bool { (self >= 0x20 && self != 0x7F) || self == 0x09 }
}
