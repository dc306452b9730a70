/// Where a value stands.
enum SettingOrigin: Sendable, Equatable {
  case file(line: Int, column: Int? = nil)
  case environment(String)
  /// Nowhere: it was left out, or is a default.
  case absent
}

/// One thing that is wrong with the configuration. None of its texts holds a secret.
struct ConfigurationMistake: Sendable, Equatable {
  /// The setting as a path, `providers.openai.base_url`; empty for the file as a whole.
  var path: String
  var origin: SettingOrigin
  var expected: String
  var came: String
  /// What to do about it, as a sentence.
  var remedy: String
}

/// All that is wrong with the configuration, in the order of the file.
struct ConfigurationMistakes: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file that was read, if there is one.
  var file: String?
  var mistakes: [ConfigurationMistake]

  /// The text for people: a heading, and three lines for each mistake.
  var description: String {
    let count = mistakes.count == 1 ? "1 mistake" : "\(mistakes.count) mistakes"
    let items = mistakes.map { mistake in
      """
      \(heading(mistake))
        expected \(mistake.expected), came \(mistake.came)
        \(mistake.remedy)
      """
    }
    return (["The configuration has \(count):"] + items).joined(separator: "\n\n")
  }

  private func heading(_ mistake: ConfigurationMistake) -> String {
    let place =
      switch mistake.origin {
      case .file(let line, nil): "\(file ?? "apus.yaml"), line \(line)"
      case .file(let line, let column?): "\(file ?? "apus.yaml"), line \(line), column \(column)"
      case .environment(let name): "environment variable \(name)"
      case .absent: file ?? "not in a file"
      }
    return mistake.path.isEmpty ? place : "\(mistake.path) (\(place))"
  }
}

/// The names that could have been meant by a wrong one.
enum NearestName {
  /// The candidate nearest to `name`, or none that is near: a third of the letters may differ, at most three.
  static func find(_ name: String, among candidates: some Sequence<String>) -> String? {
    let scored = candidates.map { (distance: distance(plain(name), plain($0)), candidate: $0) }
    guard let best = scored.min(by: { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }) else { return nil }
    let (longer, shorter) = (max(name.count, best.candidate.count), min(name.count, best.candidate.count))
    return best.distance <= max(1, min(3, longer / 3)) && best.distance < shorter ? best.candidate : nil
  }

  /// A remedy for an unknown `name`: the nearest candidate, else all of them.
  static func remedy(for name: String, among candidates: [String], kind: String) -> String {
    if let nearest = find(name, among: candidates) { return "Did you mean '\(nearest)'?" }
    guard !candidates.isEmpty else { return "There is no \(kind) yet." }
    return "Known: \(candidates.sorted().joined(separator: ", "))."
  }

  /// Case and the choice between `-` and `_` are no differences.
  private static func plain(_ name: String) -> [Character] {
    name.lowercased().map { $0 == "-" ? "_" : $0 }
  }

  /// The insertions, deletions, replacements and swaps of neighbours between two words.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var before: [Int] = []
    var above = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let replaced = above[column] + (left[row] == right[column] ? 0 : 1)
        var best = min(replaced, above[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          best = min(best, before[column - 1] + 1)
        }
        current.append(best)
      }
      (before, above) = (above, current)
    }
    return above[right.count]
  }
}
