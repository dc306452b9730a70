import Foundation
import Testing

/// Links lead somewhere, and no decision is forgotten.
enum MarkdownRules {
  static let decisions = "docs/decisions/"

  /// Links of one file to files or headings that do not exist.
  static func check(_ file: House.File, in house: House) -> [Finding] {
    links(in: file.text).compactMap { link in
      guard let problem = problem(link.target, from: file.path, in: house) else { return nil }
      return Finding(path: file.path, line: link.line, message: "link '\(link.target)' \(problem)")
    }
  }

  /// Decisions that the index does not list.
  static func checkDecisions(in house: House) -> [Finding] {
    let index = house.text(of: decisions + "README.md") ?? ""
    let listed = Set(links(in: index).map(\.target))
    return house.files.compactMap { file in
      guard file.path.hasPrefix(decisions), let name = file.path.split(separator: "/").last,
        name.wholeMatch(of: /\d{4}-.*\.md/) != nil, !listed.contains(String(name))
      else { return nil }
      return Finding(
        path: file.path, line: 1, message: "not listed in \(decisions)README.md: add a line with a link to \(name)")
    }
  }

  private static func problem(_ target: String, from path: String, in house: House) -> String? {
    if target.wholeMatch(of: /[a-z][a-z+.\-]*:.*/) != nil { return nil }
    let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let file = parts[0].isEmpty ? path : resolve(parts[0], from: path)
    guard let file else { return "leaves the repository: link to a file in it" }
    guard let text = house.text(of: file) else {
      let isFolder = house.files.contains { $0.path.hasPrefix(file.isEmpty ? "" : file + "/") }
      return isFolder && parts.count == 1 ? nil : "leads to no file: \(file) does not exist"
    }
    guard parts.count > 1, file.hasSuffix(".md"), !anchors(in: text).contains(parts[1]) else { return nil }
    return "leads to no heading of \(file): its anchors are \(anchors(in: text).sorted().joined(separator: ", "))"
  }

  /// A relative link as a path from the root; nil when it climbs out of it.
  static func resolve(_ target: String, from path: String) -> String? {
    var folders = path.split(separator: "/").dropLast().map(String.init)
    for part in (target.removingPercentEncoding ?? target).split(separator: "/") where part != "." {
      if part != ".." {
        folders.append(String(part))
      } else if folders.popLast() == nil {
        return nil
      }
    }
    return target.hasPrefix("/") ? nil : folders.joined(separator: "/")
  }

  /// The targets of all links and images, each with its line; code is left out.
  static func links(in text: String) -> [(target: String, line: Int)] {
    prose(text).flatMap { line, prose in
      let inline = prose.matches(of: /\]\(\s*<?([^)\s>]+)/).map { (target: String($0.1), line: line) }
      let reference = prose.matches(of: /^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)/).map { (target: String($0.1), line: line) }
      return inline + reference
    }
  }

  /// The anchors of the headings, made as GitHub makes them.
  static func anchors(in text: String) -> Set<String> {
    var seen: [String: Int] = [:]
    let anchors = prose(text, keepingCode: true).compactMap { _, line -> String? in
      guard let heading = line.wholeMatch(of: /#{1,6}\s+(.*?)\s*#*\s*/) else { return nil }
      let words = heading.1.replacing(/\[([^\]]*)\]\([^)]*\)/) { String($0.1) }
      let anchor = String(
        words.lowercased().map { $0 == " " ? "-" : $0 }.filter { $0.isLetter || $0.isNumber || "-_".contains($0) })
      defer { seen[anchor, default: 0] += 1 }
      return seen[anchor].map { "\(anchor)-\($0)" } ?? anchor
    }
    return Set(anchors)
  }

  /// The lines outside fenced code, without their code spans.
  private static func prose(_ text: String, keepingCode: Bool = false) -> [(Int, String)] {
    var fence: Substring?
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    return lines.compactMap { index, line -> (Int, String)? in
      let mark = line.firstMatch(of: /^\s*(`{3,}|~{3,})/)?.1
      if let open = fence {
        if let mark, mark.hasPrefix(open) { fence = nil }
        return nil
      }
      fence = mark
      if mark != nil { return nil }
      return (index + 1, keepingCode ? String(line) : String(line.replacing(/`[^`]*`/, with: "")))
    }
  }
}

@Suite("Documents hold together")
struct MarkdownRulesTests {
  @Test("Every link resolves")
  func links() {
    let house = House.ours
    let findings = house.files.filter { $0.path.hasSuffix(".md") }.flatMap { MarkdownRules.check($0, in: house) }
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("Every decision is in the index")
  func decisions() {
    let findings = MarkdownRules.checkDecisions(in: .ours)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test(
    "A link to a file, a folder, a heading or another site passes",
    arguments: [
      "[a](docs/b.md)", "[a](docs)", "[a](#first-step)", "[a](docs/b.md#why-not-x)", "[a](https://example.com/x#y)",
      "[a](mailto:a@example.com)", "`[a](nowhere.md)`", "```\n[a](nowhere.md)\n```", "![a](docs/c.svg)",
      "[a]: docs/b.md",
      "[a](docs/b.md#twice-1)",
    ])
  func resolves(text: String) {
    let findings = MarkdownRules.check(House.File(path: "README.md", text: text + "\n# First `step`\n"), in: village)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test(
    "A link that leads nowhere is found",
    arguments: [
      "[a](docs/nowhere.md)", "[a](#no-step)", "[a](docs/b.md#nowhere)", "[a](../b.md)", "[a](/docs/b.md)",
      "[a]: nowhere.md", "![a](b.png)", "[a](docs/b.md#twice-2)",
    ])
  func leadsNowhere(text: String) {
    let findings = MarkdownRules.check(House.File(path: "README.md", text: text), in: village)
    #expect(findings.map(\.line) == [1])
  }

  @Test("A decision without a line in the index is found")
  func forgotten() {
    let house = House([
      "docs/decisions/README.md": "[one](0001-one.md)", "docs/decisions/0001-one.md": "",
      "docs/decisions/0002-two.md": "",
    ])
    #expect(MarkdownRules.checkDecisions(in: house).map(\.path) == ["docs/decisions/0002-two.md"])
  }

  private var village: House {
    House([
      "README.md": "# First `step`", "docs/b.md": "## Why not X?\n\n## Twice\n\n## Twice\n", "docs/c.svg": "<svg/>",
    ])
  }
}
