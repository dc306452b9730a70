import Yams

/// A YAML text whose top is a mapping.
enum YAMLText {
  /// What is wrong with the text.
  struct Problem: Error {
    var mistakes: [ConfigurationMistake]
  }

  /// The mapping; none for a text that is empty or has nothing but comments.
  static func mapping(_ bytes: [UInt8]) throws(Problem) -> Node.Mapping? {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw problem(.absent, expected: "UTF-8", came: "other bytes", remedy: "Save the file as UTF-8.")
    }
    guard let root = try parse(text), !root.isNothing else { return nil }
    guard case .mapping(let mapping) = root else {
      throw problem(
        .file(line: root.mark?.line ?? 1), expected: "a mapping of sections", came: root.kindName,
        remedy: "Write 'server:' and the like at the beginning of a line.")
    }
    return mapping
  }

  private static func parse(_ text: String) throws(Problem) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw translated(error)
    } catch {
      throw problem(.absent, expected: "YAML", came: "something else", remedy: "Check the file's syntax.")
    }
  }

  private static func translated(_ error: YamlError) -> Problem {
    switch error {
    case .scanner(_, let reason, let mark, _), .parser(_, let reason, let mark, _),
      .composer(_, let reason, let mark, _):
      problem(
        .file(line: mark.line, column: mark.column), expected: "YAML", came: "a mistake of syntax (\(reason))",
        remedy: "Check the indentation here and on the line before, and quote values that hold special characters.")
    case .duplicatedKeysInMapping(let names, let context):
      Problem(
        mistakes: names.map { name in
          ConfigurationMistake(
            path: name, origin: .file(line: context.mark.line), expected: "each name once", came: "'\(name)' twice",
            remedy: "Take one of them out.")
        })
    case .reader(let reason, _, _, _):
      problem(.absent, expected: "YAML", came: "a character that is none (\(reason))", remedy: "Take it out.")
    default:
      problem(.absent, expected: "YAML", came: "something else", remedy: "Check the file's syntax.")
    }
  }

  private static func problem(
    _ origin: SettingOrigin, expected: String, came: String, remedy: String
  ) -> Problem {
    Problem(
      mistakes: [
        ConfigurationMistake(path: "", origin: origin, expected: expected, came: came, remedy: remedy)
      ])
  }
}
