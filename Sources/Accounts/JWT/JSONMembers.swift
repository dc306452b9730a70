import Wire

/// The members of one JSON object, found once and read when they are asked for. No name stands twice.
struct JSONMembers {
  /// Why a text is no such object.
  enum Problem: Error {
    case notAnObject
    case duplicate
  }

  private let text: [UInt8]
  private var places: [String: (kind: JSONKind, range: Range<Int>)] = [:]

  /// Reads a whole text: one object, and nothing behind it.
  ///
  /// - Throws: `Problem`, or `JSONSyntaxError`.
  init(_ text: [UInt8]) throws {
    self.text = text
    places = try text.withUnsafeBytes { bytes in
      var cursor = JSONCursor(bytes)
      guard try cursor.peek() == .object else { throw Problem.notAnObject }
      var places: [String: (kind: JSONKind, range: Range<Int>)] = [:]
      try cursor.members { key, cursor in
        let kind = try cursor.peek()
        let place = (kind: kind, range: try cursor.skip())
        guard places.updateValue(place, forKey: key.text) == nil else { throw Problem.duplicate }
      }
      try cursor.end()
      return places
    }
  }

  /// What kind of value a member has; nil when it is not there.
  func kind(_ name: String) -> JSONKind? { places[name]?.kind }

  /// The bytes of a member's value.
  func bytes(_ name: String) -> [UInt8]? { places[name].map { Array(text[$0.range]) } }
}
