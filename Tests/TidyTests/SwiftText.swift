/// A Swift file taken apart into code and comments, so that a rule on code is not misled by a comment or a string.
///
/// `code` is the text with comments, strings and regular expressions blanked out; positions stay as they were.
struct SwiftText {
  struct Line {
    let raw: Substring
    let code: Substring
    let comment: Substring

    var hasComment: Bool { comment.contains { $0 != " " } }
    var isComment: Bool { hasComment && !code.contains { $0 != " " } }
  }

  let lines: [Line]

  /// The blanked text as a whole.
  var code: String { lines.map(\.code).joined(separator: "\n") }

  init(_ text: String) {
    var reader = SwiftReader(text)
    reader.read()
    let raw = text.split(separator: "\n", omittingEmptySubsequences: false)
    let code = String(decoding: reader.code, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let comments = String(decoding: reader.comments, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    lines = zip(raw, zip(code, comments)).map { Line(raw: $0, code: $1.0, comment: $1.1) }
  }

  /// Whether the line, or the block of comments right above it, says why.
  func isExplained(_ index: Int, by word: String = "") -> Bool {
    if says(index, word) { return true }
    var above = index - 1
    while above >= 0, lines[above].isComment || isAttribute(above) {
      if says(above, word) { return true }
      above -= 1
    }
    return false
  }

  private func says(_ index: Int, _ word: String) -> Bool {
    lines[index].hasComment && (word.isEmpty || lines[index].comment.contains(word))
  }

  /// Attributes may stand between a comment and what it explains.
  func isAttribute(_ index: Int) -> Bool {
    lines[index].code.first { $0 != " " } == "@"
  }
}

/// Reads Swift just well enough to tell code from comments and literals.
private struct SwiftReader {
  private enum Mode {
    /// Code, with the open parentheses since a `\(` (none outside a string).
    case code(parentheses: Int)
    case string(quotes: Int, pounds: Int)
    case lineComment
    case blockComment(depth: Int)
  }

  private let bytes: [UInt8]
  private var position = 0
  private var modes: [Mode] = [.code(parentheses: 0)]
  private(set) var code: [UInt8] = []
  private(set) var comments: [UInt8] = []

  init(_ text: String) {
    bytes = Array(text.utf8)
    code.reserveCapacity(bytes.count)
    comments.reserveCapacity(bytes.count)
  }

  mutating func read() {
    while position < bytes.count, let mode = modes.last {
      switch mode {
      case .code(let parentheses): readCode(parentheses)
      case .string(let quotes, let pounds): readString(quotes, pounds)
      case .lineComment: readLineComment()
      case .blockComment(let depth): readBlockComment(depth)
      }
    }
  }

  private mutating func readCode(_ parentheses: Int) {
    // Most bytes begin nothing.
    guard "/\"#()".utf8.contains(bytes[position]) else { return keep() }
    let pounds = run(of: "#")
    if starts("//") {
      modes.append(.lineComment)
    } else if starts("/*") {
      modes.append(.blockComment(depth: 0))
    } else if peek(pounds) == UInt8(ascii: "\"") {
      let quotes = starts("\"\"\"", at: pounds) ? 3 : 1
      blank(pounds + quotes)
      modes.append(.string(quotes: quotes, pounds: pounds))
    } else if let length = regexLength(pounds) {
      blank(length)
    } else if modes.count > 1, starts(")"), parentheses == 0 {
      blank(1)
      modes.removeLast()
    } else {
      if modes.count > 1 { count(parentheses) }
      keep()
    }
  }

  /// Follows the parentheses of an interpolation.
  private mutating func count(_ parentheses: Int) {
    let change = starts("(") ? 1 : starts(")") ? -1 : 0
    modes[modes.count - 1] = .code(parentheses: parentheses + change)
  }

  private mutating func readString(_ quotes: Int, _ pounds: Int) {
    guard "\\\"\n".utf8.contains(bytes[position]) else { return blank(1) }
    let fence = String(repeating: "#", count: pounds)
    if starts("\\" + fence) {
      let opens = starts("(", at: 1 + pounds)
      blank(2 + pounds)
      if opens { modes.append(.code(parentheses: 0)) }
    } else if starts(String(repeating: "\"", count: quotes) + fence) {
      blank(quotes + pounds)
      modes.removeLast()
    } else if quotes == 1, starts("\n") {
      modes.removeLast()
    } else {
      blank(1)
    }
  }

  private mutating func readLineComment() {
    comment(bytes[position...].prefix { $0 != UInt8(ascii: "\n") }.count)
    modes.removeLast()
  }

  private mutating func readBlockComment(_ depth: Int) {
    if starts("/*") {
      comment(2)
      modes[modes.count - 1] = .blockComment(depth: depth + 1)
    } else if starts("*/") {
      comment(2)
      modes[modes.count - 1] = .blockComment(depth: depth - 1)
      if depth == 1 { modes.removeLast() }
    } else {
      comment(1)
    }
  }

  /// The length of a regular expression that begins here, when one does: `/…/` where no operand stands before the
  /// slash, or `#/…/#`; on one line.
  private func regexLength(_ pounds: Int) -> Int? {
    guard peek(pounds) == UInt8(ascii: "/"), let next = peek(pounds + 1), next != UInt8(ascii: " "),
      pounds > 0 || isOperandExpected
    else { return nil }
    let end = "/" + String(repeating: "#", count: pounds)
    var offset = pounds + 1
    while let byte = peek(offset), byte != UInt8(ascii: "\n") {
      if starts(end, at: offset) { return offset + end.utf8.count }
      offset += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  private var isOperandExpected: Bool {
    guard let last = code.last(where: { $0 != UInt8(ascii: " ") }) else { return true }
    return "(,=:[{!&|?;\n".utf8.contains(last)
  }

  private func peek(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private func starts(_ text: String, at offset: Int = 0) -> Bool {
    bytes[min(position + offset, bytes.count)...].starts(with: text.utf8)
  }

  private func run(of character: Character) -> Int {
    bytes[position...].prefix { $0 == character.asciiValue }.count
  }

  private mutating func keep() {
    emit(1, toCode: true, toComments: false)
  }

  private mutating func blank(_ length: Int) {
    emit(length, toCode: false, toComments: false)
  }

  private mutating func comment(_ length: Int) {
    emit(length, toCode: false, toComments: true)
  }

  private mutating func emit(_ length: Int, toCode: Bool, toComments: Bool) {
    let space = UInt8(ascii: " ")
    for byte in bytes[position..<min(position + length, bytes.count)] {
      let isBreak = byte == UInt8(ascii: "\n")
      code.append(toCode || isBreak ? byte : space)
      comments.append(toComments || isBreak ? byte : space)
    }
    position = min(position + length, bytes.count)
  }
}
