import Wire

/// The members of one JSON object, found once and read when they are asked for. No name stands twice.
struct JSONMembers {
  /// Why a text is no such object.
  enum Problem: Error {
    case notAnObject
    case duplicate
  }

  private var values: [String: JSONValue] = [:]

  /// Reads a whole text: one object, and nothing behind it.
  ///
  /// - Throws: `Problem`, or `JSONSyntaxError`.
  init(_ text: [UInt8]) throws {
    try text.withUnsafeBytes { bytes in
      var cursor = JSONCursor(bytes)
      guard try cursor.peek() == .object else { throw Problem.notAnObject }
      try cursor.members { key, cursor in
        let kind = try cursor.peek()
        let value = JSONValue(kind: kind, text: Array(bytes[try cursor.skip()]))
        guard values.updateValue(value, forKey: key.text) == nil else { throw Problem.duplicate }
      }
      try cursor.end()
    }
  }

  /// Whether there is a member of that name, null included.
  func contains(_ name: String) -> Bool { values[name] != nil }

  /// The member of that name; nil when it is not there, or null.
  subscript(_ name: some StringProtocol) -> JSONValue? {
    guard let value = values[String(name)], value.kind != .null else { return nil }
    return value
  }

  /// The value at a path: the member of that very name if there is one, else along its dots into objects, by the
  /// longest name that fits.
  func value(at path: Substring) throws -> JSONValue? {
    if let value = self[path] { return value }
    for dot in path.indices.reversed() where path[dot] == "." {
      guard let value = self[path[..<dot]], value.kind == .object else { continue }
      return try value.members().value(at: path[path.index(after: dot)...])
    }
    return nil
  }
}

/// A value as it stands in a JSON text.
struct JSONValue {
  let kind: JSONKind
  let text: [UInt8]

  /// Its text, escapes decoded; nil for what is no string, or has no text: half a surrogate pair.
  var string: String? {
    guard kind == .string else { return nil }
    return text.withUnsafeBytes { bytes in
      var cursor = JSONCursor(bytes)
      // The grammar was checked when it was found: all that can be wrong now is half a surrogate pair.
      return try? cursor.string()
    }
  }

  /// Its strings, if it is a list of nothing else.
  var strings: [String]? {
    guard kind == .array else { return nil }
    return elements?.reduce(into: [String]?.some([])) { strings, element in
      guard let string = element.string else { return strings = nil }
      strings?.append(string)
    }
  }

  /// Its elements, if it is a list.
  var elements: [JSONValue]? {
    guard kind == .array else { return nil }
    // The grammar was checked when it was found: it cannot fail now.
    return try? text.withUnsafeBytes { bytes in
      var elements: [JSONValue] = []
      var cursor = JSONCursor(bytes)
      try cursor.elements { _, cursor in
        let kind = try cursor.peek()
        elements.append(JSONValue(kind: kind, text: Array(bytes[try cursor.skip()])))
      }
      return elements
    }
  }

  /// Its number; nil for what is none, or none that a `Double` holds: 1e400.
  var number: Double? {
    guard kind == .number, let number = Double(String(decoding: text, as: UTF8.self)), number.isFinite else {
      return nil
    }
    return number
  }

  /// Its members, if it is an object.
  ///
  /// - Throws: `JSONMembers.Problem`.
  func members() throws -> JSONMembers { try JSONMembers(text) }
}
