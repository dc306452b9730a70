import Kernel
import Yams

/// One section of the configuration while it is walked: each call names one setting, reads it and notes its value.
final class SettingsSection {
  let walk: SettingsWalk
  let path: String
  /// The environment variable that stands for the path.
  let variable: String
  /// Whether the section belongs to an element that the file or the environment brought, whose required settings must
  /// come from there.
  let isNew: Bool
  /// What a mistake calls the section.
  var subject: String
  /// Set when it is not known which settings belong here.
  var acceptsUnknown = false
  let content: [(name: String, line: Int?, node: Node)]
  private var known: [String] = []
  private var entries: [(name: String, text: SettingsText)] = []

  /// The section of a whole file.
  convenience init(root: Node.Mapping?, of walk: SettingsWalk) {
    self.init(path: "", variable: SettingsWalk.prefix, content: root, isNew: false, walk: walk)
  }

  init(path: String, variable: String, content: Node.Mapping?, isNew: Bool, walk: SettingsWalk) {
    self.walk = walk
    self.path = path
    self.variable = variable
    self.isNew = isNew
    self.content = (content.map(Array.init) ?? []).map { key, value in
      (key.scalar?.string ?? "[…]", key.mark?.line, value)
    }
    subject = path.isEmpty ? "the configuration" : path
    for entry in self.content {
      let inner = self.path(entry.name)
      if let line = entry.line { walk.place(inner, at: .file(line: line)) }
    }
  }

  /// The settings and their values so far.
  var text: SettingsText { .map(entries) }

  /// Whether the file holds `name` with a value.
  func has(_ name: String) -> Bool { child(name) != nil }

  /// Whether one of these settings was reported.
  func hasReports(_ names: [String]) -> Bool {
    names.contains { walk.isReported(path($0)) || walk.isReported(path($0 + "_file")) }
  }

  /// Reports the names in the file that no setting has.
  func finish() {
    var seen: Set<String> = []
    for entry in content {
      if !seen.insert(entry.name).inserted {
        walk.report(
          path(entry.name), expected: "each name once", came: "'\(entry.name)' twice", remedy: "Take one of them out.")
      }
      guard !acceptsUnknown, !known.contains(entry.name) else { continue }
      walk.report(
        path(entry.name), expected: "a setting of \(subject)", came: "the unknown name '\(entry.name)'",
        remedy: NearestName.remedy(for: entry.name, among: known, kind: "setting"))
    }
  }

  func path(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func variable(_ name: String) -> String {
    let letters = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
    return "\(variable)_\(String(letters).uppercased())"
  }

  /// The value of `name` in the file; `null`, and a name with nothing after it, count as not given.
  func child(_ name: String) -> Node? {
    guard let node = content.first(where: { $0.name == name })?.node else { return nil }
    return node.isNothing ? nil : node
  }

  /// Notes that a setting is known and what it is now.
  func note(_ name: String, _ text: SettingsText, restarts: Bool = false) {
    known.append(name)
    entries.append((name, text))
    guard restarts else { return }
    if case .value(let value) = text {
      walk.noteForRestart(path(name), value)
    } else {
      walk.noteForRestart(path(name), "")
    }
  }

  /// Notes a name that belongs here without a value of its own.
  func allow(_ name: String) { known.append(name) }
}

extension Node {
  /// A plain `null`, `~` or nothing at all.
  var isNothing: Bool {
    guard case .scalar(let scalar) = self, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// What it is, for a mistake that must not show the content.
  var kindName: String {
    switch self {
    case .scalar: "a single value"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}
