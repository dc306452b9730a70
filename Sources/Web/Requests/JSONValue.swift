import NIOCore
import Wire

/// A small JSON text as a tree, for routes that are asked seldom.
enum JSONValue: Sendable, Equatable {
  case object([Member])
  case array([JSONValue])
  case text(String)
  /// A number, whole where it is one that fits.
  case number(Int?)
  case bool(Bool)
  case null

  /// One name of an object, with its value.
  struct Member: Sendable, Equatable {
    let name: String
    let value: JSONValue
  }

  /// Reads a text, all of it.
  ///
  /// - Throws: `JSONSyntaxError` where it stops being JSON.
  init(_ text: ByteBuffer) throws {
    self = try text.withUnsafeReadableBytes { bytes in
      var cursor = JSONCursor(bytes)
      let value = try Self.read(&cursor)
      try cursor.end()
      return value
    }
  }

  private static func read(_ cursor: inout JSONCursor) throws -> JSONValue {
    switch try cursor.peek() {
    case .object:
      var members: [Member] = []
      try cursor.members { key, cursor in members.append(Member(name: key.text, value: try read(&cursor))) }
      return .object(members)
    case .array:
      var elements: [JSONValue] = []
      try cursor.elements { _, cursor in elements.append(try read(&cursor)) }
      return .array(elements)
    case .string: return .text(try cursor.string())
    case .number: return .number(whole(String(decoding: cursor.bytes[try cursor.skip()], as: UTF8.self)))
    case .bool: return .bool(try cursor.bool())
    case .null:
      try cursor.skip()
      return .null
    }
  }

  /// `5`, `5.0` and `5e0` are the same number.
  private static func whole(_ text: String) -> Int? {
    Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
  }

  /// What it is, for a client that sent it where something else was expected; never the content.
  var kindName: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .text(let text): text.isEmpty ? "an empty text" : "a text"
    case .number(let number): number.map { "\($0)" } ?? "a number that is not whole or too large"
    case .bool(let value): "\(value)"
    case .null: "null"
    }
  }
}
