import Wire

/// Reads a JSON text the way a route does: one value, then nothing but white space.
enum JSONText {
  /// Where the value stands; throws where the text stops being JSON.
  @discardableResult
  static func value(_ text: [UInt8]) throws -> Range<Int> {
    try read(text) { cursor in
      let position = try cursor.skip()
      try cursor.end()
      return position
    }
  }

  static func isAccepted(_ text: [UInt8]) -> Bool {
    (try? value(text)) != nil
  }

  /// The error that the text is refused with; nil when it is accepted.
  static func error(_ text: [UInt8]) -> JSONSyntaxError? {
    do {
      try value(text)
      return nil
    } catch {
      return error as? JSONSyntaxError
    }
  }

  /// A string literal with its escapes decoded.
  static func string(_ text: [UInt8]) throws -> String {
    try read(text) { try $0.string() }
  }

  static func read<Value>(_ text: [UInt8], _ body: (inout JSONCursor) throws -> Value) throws -> Value {
    try text.withUnsafeBytes { bytes in
      var cursor = JSONCursor(bytes)
      return try body(&cursor)
    }
  }
}

extension [UInt8] {
  /// The UTF-8 bytes of a text.
  init(_ text: String) {
    self = Array(text.utf8)
  }
}
