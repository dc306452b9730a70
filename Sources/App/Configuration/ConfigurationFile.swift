import Yams

/// Reads `apus.yaml` and the environment.
enum ConfigurationFile {
  /// The file that is read when none is named.
  static let standardName = "apus.yaml"
  /// Far above any configuration; it keeps a wrong path (a disk image, a device) out of memory.
  static let limitBytes = 1 << 20

  /// The configuration of a file and the environment, which wins.
  ///
  /// - Parameters:
  ///   - path: The file. With none, `apus.yaml` in `folder` if it exists, else the built-in defaults.
  ///   - environment: The variables for `${…}` and the overrides: `APUS_SERVER_PORT` for `server.port`.
  ///   - folder: Where to look when no file is named.
  /// - Throws: All mistakes at once. A text that is no YAML can hide further ones.
  static func load(
    path: String?, environment: [String: String], folder: String = "."
  ) throws(ConfigurationMistakes) -> LoadedConfiguration {
    let (file, content) = try read(path, folder: folder)
    let walk = SettingsWalk(environment: environment)
    var configuration = Configuration()
    configuration.visit(SettingsSection(root: content, of: walk))
    guard walk.mistakes.isEmpty else {
      throw ConfigurationMistakes(file: file, mistakes: sorted(walk.mistakes))
    }
    return LoadedConfiguration(configuration: configuration, file: file, warnings: walk.warnings())
  }

  private static func read(
    _ path: String?, folder: String
  ) throws(ConfigurationMistakes) -> (file: String?, content: Node.Mapping?) {
    let file = path ?? (folder == "." ? standardName : "\(folder)/\(standardName)")
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(file, limitBytes: limitBytes)
    } catch {
      if path == nil, error.isMissing { return (nil, nil) }
      let mistake = ConfigurationMistake(
        path: "", origin: .absent, expected: "a readable file of at most 1MiB", came: error.reason,
        remedy: "Give the path of an apus.yaml with --config.")
      throw ConfigurationMistakes(file: file, mistakes: [mistake])
    }
    do {
      return (file, try YAMLText.mapping(bytes))
    } catch {
      throw ConfigurationMistakes(file: file, mistakes: error.mistakes)
    }
  }

  /// In the order of the file, then what the environment brought.
  private static func sorted(_ mistakes: [ConfigurationMistake]) -> [ConfigurationMistake] {
    func place(_ mistake: ConfigurationMistake) -> (Int, String) {
      if case .file(let line, _) = mistake.origin { return (line, "") }
      return (.max, mistake.path)
    }
    return mistakes.enumerated().sorted { left, right in
      let (first, second) = (place(left.element), place(right.element))
      return first == second ? left.offset < right.offset : first < second
    }.map(\.element)
  }
}
