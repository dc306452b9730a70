import Testing

/// What holds for every file, whatever it is written in.
enum TreeRules {
  /// Folders that exist on one machine only. Put together from pieces, so that this file passes its own rule.
  static let machineFolders = ["root", "work", "home"]

  /// Hosts of package registries: a mirror or another registry must do as well.
  static let registryHosts = [
    ["pypi", "org"], ["pythonhosted", "org"], ["deb", "debian", "org"], ["security", "debian", "org"],
    ["archive", "ubuntu", "com"], ["registry", "npmjs", "org"], ["crates", "io"], ["proxy", "golang", "org"],
    ["rubygems", "org"], ["repo1", "maven", "org"],
  ].map { $0.joined(separator: ".") }

  /// Paths of one machine and names of registries.
  static func checkPlaces(_ file: House.File) -> [Finding] {
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.enumerated().flatMap { index, line in
      let folders = machineFolders.filter { names(line, folder: $0) }.map {
        "an absolute path below '\($0)' exists on one machine only: make it relative, or take it from the environment"
      }
      let hosts = registryHosts.filter { line.contains($0) }.map {
        "'\($0)' is a registry of somebody's choice: leave it to the package client's own configuration"
      }
      return (folders + hosts).map { Finding(path: file.path, line: index + 1, message: $0) }
    }
  }

  /// Whether a line holds `/folder/` where a path begins.
  private static func names(_ line: Substring, folder: String) -> Bool {
    line.ranges(of: "/\(folder)/").contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !(before.isLetter || before.isNumber || "._-~}*".contains(before))
    }
  }

  /// Test files whose name does not say which kind of test they hold.
  static func checkTestName(_ file: House.File) -> [Finding] {
    let parts = file.path.split(separator: "/")
    let kinds = ["RulesTests.swift", "StoreTests.swift", "APITests.swift"]
    guard parts.count > 2, parts[0] == "Tests", !["AppTests", "TidyTests"].contains(parts[1]),
      let test = file.swift.lines.firstIndex(where: { $0.code.contains(/@Test\b/) }),
      !kinds.contains(where: { file.path.hasSuffix($0) })
    else { return [] }
    return [
      Finding(
        path: file.path, line: test + 1,
        message: "name it …RulesTests (pure), …StoreTests (over a store) or …APITests (through a server or a channel)")
    ]
  }

  /// Shell scripts that go on after a mistake; what is only sourced has the caller's settings.
  static func checkShell(_ file: House.File) -> [Finding] {
    let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
    let isShell = lines.first?.contains(/^#!.*\b(?:ba|da|z|k)?sh\b/) == true
    guard isShell else { return [] }
    let first = lines.firstIndex { !$0.isEmpty && !$0.hasPrefix("#") } ?? 0
    if lines[first].hasPrefix("set -euo pipefail") { return [] }
    return [
      Finding(path: file.path, line: first + 1, message: "begin with 'set -euo pipefail': a failed step must stop it")
    ]
  }
}

@Suite("Every file is at home anywhere")
struct TreeRulesTests {
  @Test("No file knows a machine or a registry")
  func places() {
    let findings = House.ours.files.flatMap(TreeRules.checkPlaces)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("A test file's name says what kind of test it holds")
  func testNames() {
    let findings = House.ours.swift(in: "Tests/").flatMap(TreeRules.checkTestName)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("Shell scripts stop at the first mistake")
  func shell() {
    let findings = House.ours.files.flatMap(TreeRules.checkShell)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("The walk finds this file, and nothing that was built")
  func walk() {
    let paths = House.ours.files.map(\.path)
    #expect(paths.contains("Tests/TidyTests/TreeRules.swift"))
    #expect(paths.contains("Package.swift"))
    #expect(!paths.contains { $0.hasPrefix(".git/") || $0.hasPrefix(".build") || $0.hasPrefix(".apus/") })
  }

  @Test("Paths of a machine and registries are found, addresses of the project pass")
  func placesFound() {
    let bad = TreeRules.machineFolders.map { "see /\($0)/x" } + TreeRules.registryHosts.map { "curl https://\($0)/x" }
    for text in bad {
      #expect(TreeRules.checkPlaces(House.File(path: "a.md", text: "\n" + text)).map(\.line) == [2], "\(text)")
    }
    let good = ["$HOME/work/x", "~/work/", "https://example.com/home/x", "/homes/", "/var/lib/apus", "docs/work/x"]
    for text in good {
      #expect(TreeRules.checkPlaces(House.File(path: "a.md", text: text)).isEmpty, "\(text)")
    }
  }

  @Test(
    "Only files with tests need a kind",
    arguments: [
      ("Tests/WebTests/RouterAPITests.swift", "@Test func a() {}", 0),
      ("Tests/WebTests/Fixtures.swift", "let a = 1", 0),
      ("Tests/AppTests/Signals.swift", "@Test func a() {}", 0), ("Tests/WebTests/Fixtures.swift", "// @Test", 0),
      ("Tests/WebTests/RouterTests.swift", "@Test func a() {}", 1), ("Tests/WebTests/A.swift", "\n@Test(\"a\")", 1),
    ])
  func kinds(path: String, text: String, findings: Int) {
    #expect(TreeRules.checkTestName(House.File(path: path, text: text)).count == findings)
  }

  @Test(
    "A script is known by its first line",
    arguments: [
      ("run", "#!/usr/bin/env bash\n# Starts.\nset -euo pipefail\n", 0),
      ("run", "#!/usr/bin/env python3\nimport os\n", 0),
      ("README.md", "bash", 0), ("run", "#!/bin/sh\nls\n", 1), ("a.sh", "ls\n", 0),
      ("run", "#!/usr/bin/env bash\nset -e\n", 1), ("run", "#!/usr/bin/env bash\ncd a\nset -euo pipefail\n", 1),
    ])
  func scripts(path: String, text: String, findings: Int) {
    #expect(TreeRules.checkShell(House.File(path: path, text: text)).count == findings)
  }
}
