import Testing

/// How long a piece may get before nobody reads it whole. Aim well below: files of 40–250 lines, functions of 25.
enum SizeRules {
  static let linesInFile = 400
  static let linesInFunction = 60
  static let columns = 120

  static func isCode(_ path: String) -> Bool {
    [".swift", ".c", ".h", ".cpp", ".py", ".sh"].contains { path.hasSuffix($0) }
  }

  static func checkFile(_ file: House.File) -> [Finding] {
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    var findings = lines.enumerated().filter { $0.element.count > columns }.map { index, line in
      Finding(path: file.path, line: index + 1, message: "\(line.count) columns, at most \(columns): break the line")
    }
    let count = file.text.hasSuffix("\n") ? lines.count - 1 : lines.count
    if count > linesInFile {
      findings.append(
        Finding(
          path: file.path, line: count, message: "\(count) lines, at most \(linesInFile): split it by what it does"))
    }
    return findings
  }

  static func checkFunctions(_ file: House.File) -> [Finding] {
    functions(in: file.swift).filter { $0.count > linesInFunction }.map {
      Finding(
        path: file.path, line: $0.line,
        message: "\($0.name) has \($0.count) lines, at most \(linesInFunction): give its steps names of their own")
    }
  }

  struct Function {
    let name: String
    let line: Int
    /// From the line that names it to its closing brace.
    let count: Int
  }

  static func functions(in text: SwiftText) -> [Function] {
    let code = text.code
    let lineStarts = [code.startIndex] + code.indices.filter { code[$0] == "\n" }.map { code.index(after: $0) }
    return zip(lineStarts, lineStarts.dropFirst() + [code.endIndex]).enumerated().compactMap { index, range in
      let line = code[range.0..<range.1]
      guard let name = functionName(line), let count = lines(ofBodyIn: code[range.0...]) else { return nil }
      return Function(name: name, line: index + 1, count: count)
    }
  }

  private static func functionName(_ line: Substring) -> String? {
    guard line.contains("func ") || line.contains("init") || line.contains("subscript") else { return nil }
    let declaration = /(?:^|\s)(?:func\s+([^\s(]+)|(init|subscript)\??[(<])/
    return line.firstMatch(of: declaration).map { String($0.1 ?? $0.2 ?? "") }
  }

  /// The lines from the start of `code` to the end of the first body in it; nil when another declaration comes first.
  private static func lines(ofBodyIn code: Substring) -> Int? {
    var braces = 0
    var brackets = 0
    var lines = 1
    for character in code {
      switch character {
      case "\n":
        lines += 1
        // A requirement of a protocol ends with its line.
        if braces == 0, brackets == 0, endsDeclaration(code, lines) { return nil }
      case "(", "[": brackets += 1
      case ")", "]": brackets -= 1
      case "{": braces += 1
      case "}":
        braces -= 1
        if braces == 0, brackets == 0 { return lines }
        if braces < 0 { return nil }
      default: break
      }
    }
    return nil
  }

  private static func endsDeclaration(_ code: Substring, _ line: Int) -> Bool {
    let lines = code.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
    let next = lines.count >= line ? lines[line - 1].drop { $0 == " " } : ""
    return !["{", "->", "where", "async", "throws", "rethrows"].contains { next.hasPrefix($0) }
  }
}

@Suite("Pieces stay small")
struct SizeRulesTests {
  @Test("No file and no line is too long")
  func files() {
    let findings = House.ours.files.filter { SizeRules.isCode($0.path) }.flatMap(SizeRules.checkFile)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("No function is too long")
  func functions() {
    let findings = House.ours.swift().flatMap(SizeRules.checkFunctions)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("The limits themselves are allowed, one more is not")
  func limits() {
    let line = String(repeating: "a", count: 120)
    let full = House.File(path: "A.swift", text: String(repeating: "\n", count: 399) + line + "\n")
    #expect(SizeRules.checkFile(full).isEmpty)
    #expect(SizeRules.checkFile(House.File(path: "A.swift", text: full.text + "\n")).count == 1)
    #expect(SizeRules.checkFile(House.File(path: "A.swift", text: line + "é")).count == 1)
    let body = String(repeating: "\n", count: 59)
    #expect(SizeRules.checkFunctions(House.File(path: "A.swift", text: "func a() {\(body)}")).isEmpty)
    #expect(SizeRules.checkFunctions(House.File(path: "A.swift", text: "func a() {\n\(body)}")).count == 1)
  }

  @Test(
    "A function's length is counted to its own closing brace",
    arguments: [
      ("func a() {}", [1]), ("func a() {\n  if b { c { } }\n}", [3]), ("init(_ a: () -> Void = {}) {\n}", [2]),
      ("func a()\n  -> Int\n{\n  1\n}", [5]), ("protocol P {\n  func a()\n  func b()\n}\nfunc c() {\n}", [2]),
      ("func a() {\n  let b = \"{\" // {\n}", [3]), ("self.init(a)\nfoo.map {\n}", []), ("init?(a: Int) {\n}", [2]),
      ("subscript(a: Int) -> Int {\n  1\n}", [3]), ("func outer() {\n  func inner() {\n  }\n}", [4, 2]),
      ("func a(\n  b: Int,\n  c: Int\n) {\n}", [5]),
    ])
  func lengths(text: String, expected: [Int]) {
    #expect(SizeRules.functions(in: SwiftText(text)).map(\.count) == expected)
  }
}
