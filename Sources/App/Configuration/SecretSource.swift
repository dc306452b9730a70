/// The two places of a secret: `name`, and `name_file` with the path of a file.
///
/// The environment wins over the file for both together; in one place, only one of the two may be given.
struct SecretSource {
  /// A secret is a line, not a document.
  static let limitBytes = 64 << 10

  let name: String
  let section: SettingsSection
  let format: SettingFormat<String>

  private var walk: SettingsWalk { section.walk }
  private var fileName: String { name + "_file" }

  /// The secret's text, checked; empty when it was given empty.
  func read() -> GivenValue {
    let direct = section.given(name, format.expectation)
    let file = section.given(fileName, "a path")
    if case .unusable = direct { return .unusable }
    if case .unusable = file { return .unusable }
    switch (direct, file) {
    case (.text(let text), .text(let path)) where !text.isEmpty && !path.isEmpty:
      switch (isOverridden(name), isOverridden(fileName)) {
      case (true, false): return check(text, at: name)
      case (false, true): return contents(of: path)
      default: return bothGiven()
      }
    case (_, .text(let path)) where !path.isEmpty && !(isOverridden(name) && !isOverridden(fileName)):
      return contents(of: path)
    case (.text(let text), _): return text.isEmpty ? .text("") : check(text, at: name)
    default: return .nothing
    }
  }

  private func isOverridden(_ name: String) -> Bool {
    walk.environment[section.variable(name)] != nil
  }

  private func bothGiven() -> GivenValue {
    walk.report(
      section.path(fileName), expected: "either '\(name)' or '\(fileName)'", came: "both",
      remedy: "Take one of them out.")
    return .unusable
  }

  private func contents(of path: String) -> GivenValue {
    do {
      var bytes = try SmallFile.read(path, limitBytes: Self.limitBytes)
      while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
      return check(String(decoding: bytes, as: UTF8.self), at: fileName)
    } catch {
      // Not the path: who mixes the two settings up has written the secret itself there.
      walk.report(
        section.path(fileName), expected: "a readable file of at most 64KiB", came: error.reason,
        remedy: "Give the path of a file that Apus may read.")
      return .unusable
    }
  }

  private func check(_ text: String, at name: String) -> GivenValue {
    guard format.read(text) == nil else { return .text(text) }
    let came = text == SettingsText.mask ? "the mask of a secret" : "\(text.count) characters (not shown)"
    walk.report(section.path(name), expected: format.expectation, came: came, remedy: format.remedy)
    return .unusable
  }
}
