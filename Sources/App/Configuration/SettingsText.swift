/// Settings as YAML, for people to read and for `apus.yaml`.
enum SettingsText {
  case value(String)
  case none
  case list([SettingsText])
  case map([(name: String, text: SettingsText)])

  /// What stands for a secret.
  static let mask = "•••"

  /// The block's lines, not indented.
  var lines: [String] {
    switch self {
    case .value, .none:
      [inline ?? ""]
    case .map(let entries):
      entries.flatMap { entry in
        let name = Self.quoted(entry.name)
        if let inline = entry.text.inline { return ["\(name): \(inline)"] }
        return ["\(name):"] + entry.text.lines.map { "  " + $0 }
      }
    case .list(let items):
      items.flatMap { item in
        item.lines.enumerated().map { ($0 == 0 ? "- " : "  ") + $1 }
      }
    }
  }

  /// The text after `name: `, where it fits on that line.
  private var inline: String? {
    switch self {
    case .value(let text): Self.quoted(text.replacing("$", with: "$$"))
    case .none: "null"
    case .list(let items): items.isEmpty ? "[]" : nil
    case .map(let entries): entries.isEmpty ? "{}" : nil
    }
  }

  /// A scalar: plain where nobody could take it for something else, else in double quotes.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.first.map { $0.isASCII && ($0.isLetter || $0.isNumber) || "./•".contains($0) } ?? false
    if isPlain, text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) || "./_-•".contains($0) }),
      text.lowercased() != "null"
    {
      return text
    }
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case _ where !scalar.isPrintable: "\\U" + hexadecimal(scalar.value)
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }

  /// Eight digits, as YAML's `\U` wants them.
  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
