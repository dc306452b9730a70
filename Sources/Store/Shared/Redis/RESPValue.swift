/// One reply of a Redis server.
///
/// Source: Redis serialization protocol specification, version 2.
enum RESPValue: Sendable, Equatable {
  case text([UInt8])
  case error([UInt8])
  case integer(Int)
  case bytes([UInt8])
  case array([RESPValue])
  /// A null bulk string or a null array: there is nothing.
  case null
}

/// What came is no reply, or more than is taken; nothing behind it can be read.
enum RESPSyntaxError: Error, Equatable {
  case malformed(StaticText)
  case tooLarge
  case tooDeep

  /// A text known beforehand: no byte of a reply gets into an error.
  struct StaticText: Equatable, ExpressibleByStringLiteral, CustomStringConvertible {
    let description: String

    init(stringLiteral text: String) {
      description = text
    }
  }
}
