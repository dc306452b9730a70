import Testing

/// Which target may import which: the picture in ARCHITECTURE.md as a table. A row names only rows above it.
enum ImportRules {
  struct Row {
    let target: String
    let imports: Set<String>
    /// Features are siblings: none imports another. They meet in App.
    var isFeature = false
  }

  static let table: [Row] = [
    // the ground
    Row(target: "CProcess", imports: []),
    Row(target: "CAssets", imports: []),
    Row(target: "CPostgres", imports: []),
    Row(target: "Kernel", imports: []),
    Row(target: "Wire", imports: []),
    // the platform
    Row(target: "Store", imports: ["CPostgres", "Kernel", "Wire"]),
    Row(target: "Web", imports: ["Kernel", "Wire"]),
    // the features
    Row(target: "Gateway", imports: ["CProcess", "Kernel", "Web", "Wire"], isFeature: true),
    Row(target: "Accounts", imports: ["Kernel", "Store", "Web", "Wire"], isFeature: true),
    // the assembly
    Row(
      target: "App",
      imports: ["Accounts", "CProcess", "CAssets", "Kernel", "Wire", "Store", "Web", "Gateway"]),
    // for tests only
    Row(target: "TestKit", imports: ["Kernel"]),
    Row(target: "CFuzz", imports: []),
    Row(target: "Fuzz", imports: ["CFuzz", "Kernel", "Wire"]),
  ]

  static let names = Set(table.map(\.target))

  /// What files in `Sources/<target>` and `Tests/<target>Tests` may import of the house.
  static func allowed(in path: String) -> Set<String>? {
    let folders = path.split(separator: "/")
    guard folders.count > 2 else { return nil }
    if folders[0] == "Sources" { return row(String(folders[1]))?.imports }
    guard folders[0] == "Tests", folders[1].hasSuffix("Tests") else { return nil }
    let target = String(folders[1].dropLast("Tests".count))
    return (row(target)?.imports ?? []).union([target, "TestKit"])
  }

  static func row(_ target: String) -> Row? {
    table.first { $0.target == target }
  }

  /// Imports that point up or sideways.
  static func checkImports(_ file: House.File) -> [Finding] {
    guard let allowed = allowed(in: file.path) else { return [] }
    return imports(in: file.swift).filter { names.contains($0.module) && !allowed.contains($0.module) }.map {
      Finding(
        path: file.path, line: $0.line,
        message:
          "imports \($0.module), which is not below it: let App connect the two by a closure, or move the type down")
    }
  }

  /// The modules a file imports, each with its line.
  static func imports(in text: SwiftText) -> [(module: String, line: Int)] {
    let words = /^\s*(?:@\w+\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|func|var|let|typealias|protocol)\s+)?(\w+)/
    return text.lines.enumerated().compactMap { index, line in
      guard line.code.contains("import"), let match = line.code.firstMatch(of: words) else { return nil }
      return (String(match.1), index + 1)
    }
  }

  /// Where `Package.swift` says something else than the table: targets, and what they depend on.
  static func checkPackage(_ package: House.File) -> [Finding] {
    let declared = targets(in: package.text)
    let unknown = declared.filter { !$0.isTest && row($0.name) == nil }.map {
      Finding(path: package.path, line: $0.line, message: "target \($0.name) has no row in ImportRules.table: add one")
    }
    let missing = names.subtracting(declared.map(\.name)).sorted().map {
      Finding(path: package.path, line: 1, message: "no target \($0): take its row out of ImportRules.table")
    }
    let upward = declared.flatMap { target in
      let folder = target.isTest ? "Tests" : "Sources"
      let allowed = allowed(in: "\(folder)/\(target.name)/File.swift") ?? []
      return target.dependencies.subtracting(allowed).sorted().map {
        Finding(
          path: package.path, line: target.line,
          message: "\(target.name) may not depend on \($0): see ImportRules.table")
      }
    }
    return unknown + missing + upward
  }

  struct Target {
    let name: String
    let isTest: Bool
    /// Of the house; products of other packages are not looked at.
    let dependencies: Set<String>
    let line: Int
  }

  /// The targets that a package description declares.
  static func targets(in text: String) -> [Target] {
    let start = /\.(target|executableTarget|testTarget)\(\s*name:\s*"(\w+)"/
    let matches = text.matches(of: start)
    let ends = matches.dropFirst().map(\.range.lowerBound) + [text.endIndex]
    return zip(matches, ends).map { match, end in
      let quoted = text[match.range.upperBound..<end].matches(of: /"(\w+)"/).map { String($0.1) }
      let line = text[..<match.range.lowerBound].count { $0 == "\n" } + 1
      return Target(
        name: String(match.2), isTest: match.1 == "testTarget", dependencies: names.intersection(quoted), line: line)
    }
  }
}

@Suite("Imports point down")
struct ImportRulesTests {
  @Test("No file imports a target above or beside its own")
  func house() {
    let findings = House.ours.swift().flatMap(ImportRules.checkImports)
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("Package.swift agrees with the table")
  func package() throws {
    let text = try #require(House.ours.text(of: "Package.swift"))
    let findings = ImportRules.checkPackage(House.File(path: "Package.swift", text: text))
    #expect(findings.isEmpty, "\(findings.report)")
  }

  @Test("The table itself points down, and no feature stands on another")
  func table() {
    var below: Set<String> = []
    let features = Set(ImportRules.table.filter(\.isFeature).map(\.target))
    for row in ImportRules.table {
      #expect(row.imports.isSubset(of: below), "\(row.target) imports what stands above it")
      #expect(!row.isFeature || row.imports.isDisjoint(with: features), "\(row.target) imports a sibling")
      below.insert(row.target)
    }
  }

  @Test(
    "An import is judged by the folder of the file",
    arguments: [
      ("Sources/Web/A.swift", "import Kernel", 0),
      ("Sources/Web/A.swift", "// import Gateway", 0),
      ("Sources/Kernel/A.swift", "import Foundation", 0),
      ("Tests/WebTests/A.swift", "@testable import Web\nimport Kernel\nimport TestKit", 0),
      ("Tests/TidyTests/A.swift", "import Testing", 0),
      ("Sources/Kernel/A.swift", "package import Web", 1),
      ("Sources/Wire/A.swift", "import Kernel", 1),
      ("Sources/Gateway/A.swift", "import NIOCore\nimport struct App.Thing", 1),
      ("Sources/Gateway/A.swift", "import TestKit", 1),
      ("Tests/WebTests/A.swift", "@testable import Gateway", 1),
      ("Tests/TidyTests/A.swift", "import Web", 1),
    ])
  func imports(path: String, text: String, findings: Int) {
    #expect(ImportRules.checkImports(House.File(path: path, text: text)).count == findings)
  }

  @Test("A package description that disagrees is found out")
  func disagreement() {
    let text = """
      .target(name: "Kernel", dependencies: []),
      .target(
        name: "Web", dependencies: ["Kernel", "Gateway", .product(name: "NIOCore", package: "swift-nio")]),
      .target(name: "Attic"),
      .testTarget(name: "WebTests", dependencies: ["Web", "TestKit"]),
      """
    let findings = ImportRules.checkPackage(House.File(path: "Package.swift", text: text))
    #expect(findings.contains { $0.line == 2 && $0.message.hasPrefix("Web may not depend on Gateway") })
    #expect(findings.contains { $0.line == 4 && $0.message.hasPrefix("target Attic has no row") })
    #expect(findings.contains { $0.message.hasPrefix("no target App") })
    #expect(!findings.contains { $0.message.contains("WebTests") })
  }
}
