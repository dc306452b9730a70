import Kernel
import Yams

/// What was found for a setting.
enum GivenValue {
  case text(String)
  case nothing
  /// Something that could not be used and was reported.
  case unusable
}

extension SettingsSection {
  /// A single value. False when what came could not be used.
  @discardableResult
  func setting<Value>(
    _ name: String, _ value: inout Value, _ format: SettingFormat<Value>, required: Bool = false, restarts: Bool = false
  ) -> Bool {
    var usable = true
    switch given(name, format.expectation) {
    case .text(let text):
      let read = read(text, format, at: path(name))
      usable = read != nil
      value = read ?? value
    case .nothing where required && isNew:
      walk.report(path(name), expected: format.expectation, came: "nothing", remedy: "Add '\(name)'.")
      usable = false
    case .nothing: break
    case .unusable: usable = false
    }
    note(name, .value(format.write(value)), restarts: restarts)
    return usable
  }

  /// A single value that may be none; an empty text means none, unless nobody can mean that.
  func setting<Value>(
    _ name: String, _ value: inout Value?, _ format: SettingFormat<Value>, restarts: Bool = false,
    emptyIsNone: Bool = true
  ) {
    if case .text(let text) = given(name, format.expectation) {
      value = text.isEmpty && emptyIsNone ? nil : read(text, format, at: path(name)) ?? value
    }
    note(name, value.map { .value(format.write($0)) } ?? .none, restarts: restarts)
  }

  /// A list of single values: a list in the file, or one text with commas in the file or the environment.
  func texts(_ name: String, _ values: inout [String], each format: SettingFormat<String>) {
    let path = path(name)
    if walk.environment[variable(name)] == nil, case .sequence(let sequence)? = child(name) {
      _ = walk.override(variable(name), for: path)
      values = sequence.enumerated().compactMap { index, node in
        let place = "\(path).\(index)"
        if let line = node.mark?.line { walk.place(place, at: .file(line: line)) }
        return text(of: node, format.expectation, at: place).flatMap { read($0, format, at: place) }
      }
    } else if case .text(let text) = given(name, "a list, each \(format.expectation)") {
      values = text.split(separator: ",").map(trimmed).filter { !$0.isEmpty }.compactMap { part in
        read(part, format, at: path)
      }
    }
    note(name, .list(values.map { .value($0) }))
  }

  /// The same where no list at all means something else than an empty one.
  func optionalTexts(_ name: String, _ values: inout [String]?, each format: SettingFormat<String>) {
    guard values != nil || has(name) || walk.environment[variable(name)] != nil else {
      _ = walk.override(variable(name), for: path(name))
      return note(name, .none)
    }
    var texts = values ?? []
    self.texts(name, &texts, each: format)
    values = texts
  }

  /// A secret, given as `name` or as the path of a file that holds it, `name_file`. Its text is never reported.
  func secret(
    _ name: String, _ value: inout Secret?, _ format: SettingFormat<String>, required: Bool = false,
    restarts: Bool = false
  ) {
    let source = SecretSource(name: name, section: self, format: format)
    allow(name + "_file")
    switch source.read() {
    case .text(let text): value = text.isEmpty ? nil : Secret(text)
    case .nothing where required && isNew:
      walk.report(
        path(name), expected: format.expectation, came: "nothing", remedy: "Add '\(name)' or '\(name)_file'.")
    case .nothing, .unusable: break
    }
    note(name, value == nil ? .none : .value(SettingsText.mask))
    if restarts { walk.noteForRestart(path(name), value?.reveal() ?? "") }
  }

  /// What the environment, else the file, says about a single value.
  func given(_ name: String, _ expectation: String) -> GivenValue {
    if let text = walk.override(variable(name), for: path(name)) { return .text(text) }
    guard let node = child(name) else { return .nothing }
    return text(of: node, expectation, at: path(name)).map { .text($0) } ?? .unusable
  }

  private func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0.isWhitespace }
    return String(start.reversed().drop { $0.isWhitespace }.reversed())
  }

  private func text(of node: Node, _ expectation: String, at path: String) -> String? {
    guard case .scalar(let scalar) = node else {
      walk.report(path, expected: expectation, came: node.kindName, remedy: "Write one value on the same line.")
      return nil
    }
    return walk.expand(scalar.string, at: path)
  }

  private func read<Value>(_ text: String, _ format: SettingFormat<Value>, at path: String) -> Value? {
    if let value = format.read(text) { return value }
    // What stands before an @, or behind a ?, may be a secret; and a long word may be one that got to the wrong place.
    let isLong = text.split(separator: " ").contains { $0.utf8.count > 32 }
    let isShown = !isLong && !text.contains("@") && !text.contains("?")
    let came =
      isShown ? String(reflecting: String(text.prefix(80))) : "a text of \(text.count) characters (not shown)"
    walk.report(path, expected: format.expectation, came: came, remedy: format.remedy)
    return nil
  }
}
