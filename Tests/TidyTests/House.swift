import Foundation

/// The files of this repository, as the tidy rules see them.
///
/// They are found by walking the folder that holds `Tests`, so that the rules also run where git is missing.
struct House {
  /// One file of text.
  struct File {
    /// Relative to the root: `Sources/App/Apus.swift`.
    let path: String
    let text: String
    /// Code and comments apart; nothing in a file that is not Swift.
    let swift: SwiftText

    init(path: String, text: String) {
      self.path = path
      self.text = text
      swift = SwiftText(path.hasSuffix(".swift") ? text : "")
    }
  }

  let files: [File]

  static let root = URL(filePath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Read once; every rule looks at the same files.
  static let ours = House(root: root)

  /// Reads every text below `root`; what is not UTF-8 is no text.
  init(root: URL) {
    let paths = House.paths(in: root, below: "").sorted()
    files = paths.compactMap { path in
      guard let data = FileManager.default.contents(atPath: root.appending(path: path).path),
        let text = String(data: data, encoding: .utf8)
      else { return nil }
      return File(path: path, text: text)
    }
  }

  /// A house of made-up files, to test the rules with.
  init(_ files: [String: String]) {
    self.files = files.map { File(path: $0.key, text: $0.value) }.sorted { $0.path < $1.path }
  }

  /// The Swift files in a folder: `Sources/`, `Tests/`; all of them by default.
  func swift(in folder: String = "") -> [File] {
    files.filter { $0.path.hasPrefix(folder) && $0.path.hasSuffix(".swift") }
  }

  func text(of path: String) -> String? {
    files.first { $0.path == path }?.text
  }

  private static func paths(in root: URL, below folder: String) -> [String] {
    let url = root.appending(path: folder)
    // A folder that cannot be listed (somebody else's, or gone by now) holds nothing of ours.
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return entries.filter { isOurs($0) }.flatMap { entry in
      let path = folder.isEmpty ? entry : "\(folder)/\(entry)"
      return isFolder(root.appending(path: path)) ? paths(in: root, below: path) : [path]
    }
  }

  private static func isFolder(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// What is built, downloaded or made by an editor is not ours to judge.
  static func isOurs(_ entry: String) -> Bool {
    let visible = [".ci", ".github", ".gitignore", ".swift-format", ".dockerignore", ".editorconfig"]
    if entry.hasPrefix(".") { return visible.contains(entry) }
    return !["Package.resolved", "__pycache__", "node_modules"].contains(entry) && !entry.hasSuffix(".pyc")
  }
}

/// One breach of a rule: where it is, and what to do about it.
struct Finding: Equatable, CustomStringConvertible {
  let path: String
  /// Counted from 1.
  let line: Int
  let message: String

  var description: String { "\(path):\(line): \(message)" }
}

extension [Finding] {
  /// All of them as one text, one a line, as a compiler would print them.
  var report: String { "\n" + map(\.description).joined(separator: "\n") }
}
