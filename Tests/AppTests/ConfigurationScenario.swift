import Foundation
import Testing

@testable import App

/// One configuration, and all that is wrong with it.
struct ConfigurationScenario: Sendable, CustomTestStringConvertible {
  var sentence: String
  var yaml: String
  var environment: [String: String]
  var mistakes: [String]

  init(_ sentence: String, _ yaml: String, environment: [String: String] = [:], _ mistakes: String...) {
    self.sentence = sentence
    self.yaml = yaml
    self.environment = environment
    self.mistakes = mistakes
  }

  var testDescription: String { sentence }

  /// The mistakes that reading it brings, each as one line; none when it is right.
  func found() throws -> [String] {
    try ConfigurationFolder().mistakes(yaml, environment: environment).map(\.summary)
  }
}

extension ConfigurationMistake {
  /// Path, place, what was expected and what came, in one line.
  var summary: String {
    let place =
      switch origin {
      case .file(let line, let column): column.map { "\(line):\($0)" } ?? "\(line)"
      case .environment(let name): name
      case .absent: "-"
      }
    return "\(path) [\(place)] expected \(expected), came \(came)"
  }
}

/// A folder for one test's files, gone with it.
final class ConfigurationFolder {
  let path = NSTemporaryDirectory() + "apus-configuration-" + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // What is left in the temporary folder harms no test.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file and gives its path.
  @discardableResult
  func write(_ content: some DataProtocol, to name: String) throws -> String {
    try Data(content).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }

  func load(_ yaml: String, environment: [String: String] = [:]) throws -> LoadedConfiguration {
    let file = try write(Data(yaml.utf8), to: "apus.yaml")
    return try ConfigurationFile.load(path: file, environment: environment)
  }

  func mistakes(_ yaml: String, environment: [String: String] = [:]) throws -> [ConfigurationMistake] {
    do {
      _ = try load(yaml, environment: environment)
      return []
    } catch let error as ConfigurationMistakes {
      return error.mistakes
    }
  }
}

/// The configuration of a text, which must be right.
func configuration(_ yaml: String, environment: [String: String] = [:]) throws -> Configuration {
  try ConfigurationFolder().load(yaml, environment: environment).configuration
}
