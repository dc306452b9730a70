import Testing

/// What a declaration must carry: a comment when others can see it, and a name that says what the thing is.
enum DeclarationRules {
  /// Words that name a drawer instead of a thing.
  static let emptyWords: Set<String> = [
    "Util", "Utils", "Utility", "Utilities", "Helper", "Helpers", "Manager", "Common", "Base", "Impl", "Processor",
  ]

  /// Names given by a protocol of somebody else's; its documentation is theirs.
  static let witnesses: Set<String> = [
    "==", "<", "~=", "hash", "description", "debugDescription", "customMirror", "errorDescription", "encode",
    "InboundIn", "InboundOut", "OutboundIn", "OutboundOut", "logLevel", "metadata", "metadataProvider",
  ]

  /// The same for methods, by what follows the name: channel handlers, log handlers, services.
  static let witnessMarks = [
    "(context: ChannelHandlerContext", "(metadataKey", " log(event:", " log(level:", " run() async",
  ]

  /// `package` and `public` declarations without a doc comment.
  static func checkComments(_ file: House.File) -> [Finding] {
    let text = file.swift
    return text.lines.indices.compactMap { index in
      guard let name = visibleName(text.lines[index].code), !isDocumented(text, index) else { return nil }
      return Finding(
        path: file.path, line: index + 1,
        message: "\(name) is seen by other targets and has no doc comment: add a /// line with what would surprise")
    }
  }

  private static let keywords: Set<Substring> = [
    "func", "var", "let", "struct", "class", "enum", "actor", "protocol", "typealias", "init", "init?", "subscript",
    "case", "associatedtype",
  ]

  /// The name a line declares to other targets, unless a protocol gave it.
  static func visibleName(_ code: Substring) -> String? {
    let words = code.split { " (".contains($0) }
    guard let keyword = words.firstIndex(where: keywords.contains) else { return nil }
    let modifiers = words[..<keyword]
    guard modifiers.contains("package") || modifiers.contains("public"), !modifiers.contains("import") else {
      return nil
    }
    let isNamed = !["init", "init?", "subscript"].contains(words[keyword])
    let name = words[isNamed ? min(keyword + 1, words.endIndex - 1) : keyword].prefix { $0 != ":" }
    return isWitness(String(name), code) ? nil : String(name)
  }

  private static func isWitness(_ name: String, _ code: Substring) -> Bool {
    witnesses.contains(name) || witnessMarks.contains(where: code.contains)
  }

  private static func isDocumented(_ text: SwiftText, _ index: Int) -> Bool {
    var above = index - 1
    while above >= 0, text.isAttribute(above) || text.lines[above].comment.contains("// Safety:") { above -= 1 }
    guard above >= 0 else { return false }
    let comment = text.lines[above].comment.drop { $0 == " " }
    return comment.hasPrefix("///") || (text.lines[above].isComment && comment.hasSuffix("*/"))
  }

  /// Types and files that are named after nothing.
  static func checkNames(_ file: House.File) -> [Finding] {
    let fileName = file.path.split(separator: "/").last.map(String.init) ?? ""
    let stem = fileName.prefix { $0 != "." && $0 != "+" }
    let ofFile = emptyWord(in: stem).map {
      Finding(path: file.path, line: 1, message: "'\($0)' in a file name says nothing: name it after what it holds")
    }
    guard fileName.hasSuffix(".swift") else { return [ofFile].compactMap(\.self) }
    let type = /\b(?:struct|class|enum|actor|protocol|typealias)\s+(\w+)/
    let ofTypes = file.swift.lines.enumerated().compactMap { index, line -> Finding? in
      guard let match = line.code.firstMatch(of: type), let word = emptyWord(in: match.1) else { return nil }
      return Finding(
        path: file.path, line: index + 1,
        message: "'\(word)' in \(match.1) says nothing: name the type after what it is or does")
    }
    return [ofFile].compactMap(\.self) + ofTypes
  }

  /// The first empty word of a CamelCase or snake_case name: `Base` in `BaseHandler`, none in `Database`.
  static func emptyWord(in name: Substring) -> String? {
    name.matches(of: /[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])/)
      .map { $0.output.prefix(1).uppercased() + $0.output.dropFirst() }
      .first { emptyWords.contains($0) }
  }
}

@Suite("Declarations explain themselves")
struct DeclarationRulesTests {
  @Test("Every declaration that other targets can see has a doc comment")
  func comments() {
    let findings = House.ours.swift(in: "Sources/").flatMap(DeclarationRules.checkComments)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("No type and no file is named after a drawer")
  func names() {
    let findings = House.ours.files.flatMap(DeclarationRules.checkNames)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test(
    "A documented, hidden or given declaration passes",
    arguments: [
      "/// One.\npackage struct A {}", "/** One. */\npackage struct A {}", "/// One.\n@frozen\npackage struct A {}",
      "struct A {}", "package import Kernel", "package extension A {}", "// package let a = 1",
      "package var description: String { text }", "package static func == (left: A, right: A) -> Bool { true }",
      "package static func < (left: A, right: A) -> Bool { true }", "package typealias InboundIn = ByteBuffer",
      "package func write(context: ChannelHandlerContext, data: NIOAny) {}",
      "package func run() async throws {", "package func hash(into hasher: inout Hasher) {}", "let a = package.name",
      "/// One.\n// Safety: two.\npackage let a = 1",
    ])
  func documented(text: String) {
    #expect(DeclarationRules.checkComments(House.File(path: "A.swift", text: text)).isEmpty)
  }

  @Test(
    "A bare declaration is found, whatever its modifiers",
    arguments: [
      "package struct A {}", "public func a() {}", "package final class A {}", "package private(set) var a = 1",
      "package static let a = 1", "package init() {}", "@inlinable package func a() {}", "package enum A {}",
      "// One.\npackage struct A {}", "/// One.\n\npackage struct A {}", "package func write(_ text: String) {}",
      "package init?(a: Int) {}",
      "nonisolated package var a: Int { 1 }", "package subscript(index: Int) -> Int { 1 }",
    ])
  func bare(text: String) {
    #expect(DeclarationRules.checkComments(House.File(path: "A.swift", text: text)).count == 1)
  }

  @Test(
    "Empty words are found as words, not as letters",
    arguments: [
      ("Sources/Web/Database.swift", "struct Processing {}", 0), ("Sources/Web/A.swift", "let manager = 1", 0),
      ("Sources/Web/A.swift", "struct Base64URL {}", 0), ("Sources/Web/A.swift", "// struct BaseHandler", 0),
      ("Sources/Web/StringUtils.swift", "", 1), ("Tests/test_helper.py", "", 1),
      ("Sources/Web/A.swift", "final class KeyManager {}", 1), ("Sources/Web/A.swift", "enum HTTPBase {}", 1),
      ("Sources/Web/Common.swift", "protocol EventProcessor {}", 2), ("Sources/Web/A.swift", "actor PoolImpl {}", 1),
    ])
  func words(path: String, text: String, findings: Int) {
    #expect(DeclarationRules.checkNames(House.File(path: path, text: text)).count == findings)
  }
}
