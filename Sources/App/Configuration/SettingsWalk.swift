/// One pass over all settings: what they are read from, and what was seen on the way.
///
/// A walk with neither file nor environment changes nothing, and so tells what the values are.
final class SettingsWalk {
  /// Variables of this prefix are settings.
  static let prefix = "APUS"
  /// Variables of the prefix that belong to the scripts and the tests.
  private static let foreign = [
    "APUS_SHARED_DATA", "APUS_BUILD_DIR", "APUS_BINARY", "APUS_TEST_DATA", "APUS_TEST_POSTGRES", "APUS_TEST_REDIS",
  ]
  private static let foreignPrefix = "APUS_BENCH_"

  let environment: [String: String]
  private(set) var mistakes: [ConfigurationMistake] = []
  /// The values of the settings that only a restart applies, by path.
  private(set) var restartValues: [String: String] = [:]
  /// The setting that each variable stands for.
  private var paths: [String: String] = [:]
  private var origins: [String: SettingOrigin] = [:]
  private var interpolation: Interpolation

  /// Begins a walk that asks `environment` first.
  init(environment: [String: String]) {
    self.environment = environment
    interpolation = Interpolation(environment: environment)
  }

  /// Notes a mistake; it stands where the setting, or the nearest section around it, stands.
  func report(_ path: String, expected: String, came: String, remedy: String) {
    mistakes.append(
      ConfigurationMistake(path: path, origin: origin(of: path), expected: expected, came: came, remedy: remedy))
  }

  /// Notes where a setting stands.
  func place(_ path: String, at origin: SettingOrigin) {
    origins[path] = origin
  }

  /// Where the setting stands, or the nearest section around it.
  func origin(of path: String) -> SettingOrigin {
    if let origin = origins[path] { return origin }
    guard let dot = path.lastIndex(of: ".") else { return .absent }
    return origin(of: String(path[..<dot]))
  }

  /// Whether the setting itself, not one inside it, was reported.
  func isReported(_ path: String) -> Bool {
    mistakes.contains { $0.path == path }
  }

  /// Notes a value that only a restart applies.
  func noteForRestart(_ path: String, _ value: String) {
    restartValues[path] = value
  }

  /// What the environment says about a setting.
  func override(_ variable: String, for path: String) -> String? {
    let other = paths.updateValue(path, forKey: variable)
    guard let text = environment[variable] else { return nil }
    place(path, at: .environment(variable))
    if let other, other != path {
      report(
        path, expected: "a variable for one setting", came: "one that also stands for \(other)",
        remedy: "Unset it and write both in the file, or rename one.")
    }
    return text
  }

  /// A value of the file with its variables filled in; none when that failed and was reported.
  func expand(_ text: String, at path: String) -> String? {
    do {
      return try interpolation.expand(text)
    } catch {
      report(path, expected: error.expected, came: error.came, remedy: error.remedy)
      return nil
    }
  }

  /// A sentence for each variable that looks like a setting and is none.
  func warnings() -> [String] {
    let unread = environment.keys.filter { variable in
      variable.hasPrefix(Self.prefix + "_") && !variable.hasPrefix(Self.foreignPrefix)
        && !Self.foreign.contains(variable) && paths[variable] == nil && !interpolation.names.contains(variable)
    }
    return unread.sorted().map { variable in
      let nearest = NearestName.find(variable, among: paths.keys).map { "; did you mean \($0)?" } ?? "."
      return "The environment variable \(variable) is set, but no setting reads it\(nearest)"
    }
  }
}
