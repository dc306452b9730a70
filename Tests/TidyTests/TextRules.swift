import Testing

/// What may not stand in the code, or not without its reason beside it.
enum TextRules {
  /// The command's own output has one place.
  static let output = "Sources/App/Output.swift"

  static func checkSource(_ file: House.File) -> [Finding] {
    let text = file.swift
    let perLine = text.lines.indices.flatMap { index in
      (banned(text.lines[index].code, in: file.path) + unexplained(text, index)).map {
        Finding(path: file.path, line: index + 1, message: $0)
      }
    }
    return perLine + emptyCatches(text, file.path) + promises(text, file.path)
  }

  static func checkTest(_ file: House.File) -> [Finding] {
    let text = file.swift
    let sleeps = text.lines.enumerated().flatMap { index, line in
      var messages: [String] = []
      if line.code.contains("sleep"), line.code.firstMatch(of: /\b(?:Task|Thread)\.sleep\b|\b(?:u|nano)?sleep\(/) != nil
      {
        messages.append("a test that sleeps is slow or wrong: wait for what happens, or move a clock by hand")
      }
      if line.code.contains("#expect("), line.code.firstMatch(of: /#expect\(\s*(?:true|Bool\(\s*true\s*\))\s*\)/) != nil
      {
        messages.append("this cannot fail: expect what the code did")
      }
      return messages.map { Finding(path: file.path, line: index + 1, message: $0) }
    }
    return sleeps + promises(text, file.path)
  }

  private static func banned(_ code: Substring, in path: String) -> [String] {
    var messages: [String] = []
    if path != output, code.contains("rint("), code.firstMatch(of: /(?:^|[^\w.])(?:debugPrint|print)\(/) != nil {
      messages.append("print( goes past the log: log it, or let \(output) say it")
    }
    if code.contains("try!") { messages.append("try! ends the process on an error: throw it or handle it") }
    if code.contains("as! ") { messages.append("as! ends the process on a surprise: use as? and say what else to do") }
    return messages
  }

  /// What is allowed with a comment that says why it is right here, on its line or above.
  private static func unexplained(_ text: SwiftText, _ index: Int) -> [String] {
    let code = text.lines[index].code
    var messages: [String] = []
    let ends = ["fatalError(", "preconditionFailure("].first(where: code.contains)
    if let ends, !text.isExplained(index) {
      messages.append("\(ends) without a comment on its line or above: say why this cannot happen")
    }
    if code.contains("try?"), !text.isExplained(index) {
      messages.append("try? without a comment on its line or above: say why the error does not matter")
    }
    let unsafe = ["@unchecked Sendable", "nonisolated(unsafe)", "@preconcurrency"].first(where: code.contains)
    if let unsafe, !text.isExplained(index, by: "// Safety:") {
      messages.append("\(unsafe) without '// Safety:' on its line or above: say what makes it safe")
    }
    return messages
  }

  private static func emptyCatches(_ text: SwiftText, _ path: String) -> [Finding] {
    let code = text.code
    guard code.contains("catch") else { return [] }
    return code.matches(of: /\bcatch\b[^{}]*\{\s*\}/).compactMap { match in
      let first = code[..<match.range.lowerBound].count { $0 == "\n" }
      let last = first + match.output.count { $0 == "\n" }
      if text.lines[first...last].contains(where: \.hasComment) { return nil }
      return Finding(
        path: path, line: first + 1, message: "an empty catch loses the error: handle it, or say why it does not matter"
      )
    }
  }

  /// Notes to do something later: do it, or open an issue.
  private static func promises(_ text: SwiftText, _ path: String) -> [Finding] {
    text.lines.enumerated().compactMap { index, line in
      guard line.hasComment, let match = line.comment.firstMatch(of: /\b(?:TODO|FIXME|XXX)\b/) else { return nil }
      return Finding(
        path: path, line: index + 1, message: "\(match.0): do it now, or open an issue and delete the note")
    }
  }
}

@Suite("Nothing careless stands in the code")
struct TextRulesTests {
  @Test("Sources")
  func sources() {
    let findings = House.ours.swift(in: "Sources/").flatMap(TextRules.checkSource)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("Tests")
  func tests() {
    let findings = House.ours.swift(in: "Tests/").flatMap(TextRules.checkTest)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test(
    "What is explained, quoted or only similar passes",
    arguments: [
      "fingerprint(a)", "output.print(a)", "// print(a)", "let a = \"try! as! \"", "let a = #\"print(\"a\")\"#",
      "let a = try b()", "a as? B", "let a = try? b()  // Gone is as good as closed.",
      "// Gone is fine.\nlet a = try? b()",
      "fatalError(\"a\")  // The table has every case.", "do { a() } catch { b() }",
      "do { a() } catch { /* Closed. */ }",
      "// Safety: only the loop touches it.\nfinal class A: @unchecked Sendable {}",
      "// Safety: written before\n// the threads start.\nnonisolated(unsafe) var a = 1", "let TODO = 1",
      "/* a /* print( */ */",
      "let a = \"\"\"\n  print(\"a\")\n  \"\"\"", "let a = b.firstMatch(of: /print\\(\"/)",
    ])
  func passes(text: String) {
    let findings = TextRules.checkSource(House.File(path: "Sources/Web/A.swift", text: text))
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test(
    "What is careless is found on its line",
    arguments: [
      ("\nprint(a)", 2), ("a { debugPrint($0) }", 1), ("let a = try! b()", 1), ("let a = b as! C", 1),
      ("let a = \"\\(try! b(\")\"))\"", 1), ("\n\nfatalError()", 3), ("default: preconditionFailure(\"a\")", 1),
      ("// Why.\n\nlet a = try? b()", 3), ("do {\n  try a()\n} catch {\n}", 3), ("do { try a() } catch is B {}", 1),
      ("// Fine.\nfinal class A: @unchecked Sendable {}", 2), ("@preconcurrency import A", 1),
      ("let a = 1  // FIXME later", 1), ("/* TODO */", 1),
    ])
  func found(text: String, line: Int) {
    let findings = TextRules.checkSource(House.File(path: "Sources/Web/A.swift", text: text))
    #expect(findings.map(\.line) == [line], "\(findings.report)")
  }

  @Test("One file speaks for the command")
  func output() {
    #expect(TextRules.checkSource(House.File(path: TextRules.output, text: "print(a)")).isEmpty)
  }

  @Test(
    "Tests neither sleep nor agree with themselves",
    arguments: [
      ("try await Task.sleep(for: .seconds(1))", 1), ("usleep(1000)", 1), ("sleep(1)", 1),
      ("Thread.sleep(forTimeInterval: 1)", 1),
      ("#expect(true)", 1), ("#expect(Bool(true))", 1), ("#expect(a == true)", 0), ("// sleep(1)", 0), ("asleep(1)", 0),
      ("let a = \"sleep(1)\"", 0),
    ])
  func tests(text: String, findings: Int) {
    #expect(TextRules.checkTest(House.File(path: "Tests/WebTests/A.swift", text: text)).count == findings)
  }
}
