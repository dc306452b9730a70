/// Puts environment variables into a value: `${X}`, `${X:-default}`, and `$$` for a dollar.
///
/// As in the shell, an empty variable counts as set for `${X}` and as unset for `:-`. A default may hold variables of
/// its own; they are asked only when it is used.
struct Interpolation {
  /// Why a value could not be completed, in words that hold none of the value's text.
  struct Problem: Error, Equatable {
    var expected: String
    var came: String
    var remedy: String
  }

  let environment: [String: String]
  /// The variables that were asked.
  private(set) var names: Set<String> = []

  /// Asks the variables of `environment`.
  init(environment: [String: String]) {
    self.environment = environment
  }

  /// `text` with its variables filled in.
  mutating func expand(_ text: some StringProtocol) throws(Problem) -> String {
    var result = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...].dropFirst()
      switch rest.first {
      case "$":
        result += "$"
        rest = rest.dropFirst()
      case "{":
        guard let end = closingBrace(of: rest) else { throw Self.malformed("a '${' without its '}'") }
        result += try value(rest[..<end].dropFirst())
        rest = rest[end...].dropFirst()
      default:
        throw Self.malformed("a '$' alone")
      }
    }
    return result + rest
  }

  private mutating func value(_ inside: Substring) throws(Problem) -> String {
    let name = inside.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
    let rest = inside[name.endIndex...]
    guard let first = name.first, !first.isNumber, rest.isEmpty || rest.hasPrefix(":-") else {
      throw Self.malformed("a '${…}' that holds no variable's name")
    }
    names.insert(String(name))
    let value = environment[String(name)]
    if !rest.isEmpty, (value ?? "").isEmpty { return try expand(rest.dropFirst(2)) }
    if let value { return value }
    throw Problem(
      expected: "the environment variable \(name) to be set", came: "nothing",
      remedy: "Set \(name), or give a default: ${\(name):-default}.")
  }

  /// The brace that closes the one `text` begins with.
  private func closingBrace(of text: Substring) -> Substring.Index? {
    var depth = 0
    for index in text.indices {
      if text[index] == "{" { depth += 1 }
      if text[index] == "}" { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }

  private static func malformed(_ came: String) -> Problem {
    Problem(
      expected: "a value with ${NAME} or ${NAME:-default}", came: came,
      remedy: "Write $$ for a dollar, ${NAME} for an environment variable.")
  }
}
