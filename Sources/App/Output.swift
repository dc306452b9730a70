import Foundation

/// What commands print for people: answers on the standard output, complaints on the standard error.
enum Output {
  /// Prints a text and a line break.
  static func line(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Prints a complaint and a line break.
  static func error(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

/// The process's environment.
enum Environment {
  /// All variables, read now.
  static var current: [String: String] { ProcessInfo.processInfo.environment }
}
