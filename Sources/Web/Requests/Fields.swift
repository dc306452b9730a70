import Foundation
package import Hummingbird
package import Kernel
package import NIOCore
import Wire

/// The fields that a client sent to one of Apus's own routes: those of a JSON object, or of a query.
///
/// Each field is asked for by name and type; what is wrong with any of them, and names that nobody asked for, come
/// together in one failure.
package struct Fields {
  /// Larger bodies are refused: these routes take settings, not documents.
  package static let maximumBytes = 64 << 10

  private let members: [JSONValue.Member]
  /// Whether they stood in a query, where everything is a text.
  private var areOfQuery = false
  private var known: Set<String> = []
  private var problems: [Failure.Detail] = []

  /// Reads the body of a request; none at all is an empty object.
  ///
  /// - Throws: `invalidRequest` for what is no JSON object, `tooLarge`.
  package init(body request: Request) async throws {
    // It was gathered by the bridge, which the door bounds.
    try self.init(try await request.body.collect(upTo: .max))
  }

  /// Reads the query of a request.
  package init(query request: Request) {
    members = request.uri.queryParameters.map { name, value in
      JSONValue.Member(name: String(name), value: .text(String(value)))
    }
    areOfQuery = true
    noteTwins()
  }

  /// Reads a body; an empty one is an empty object.
  package init(_ body: ByteBuffer) throws(Failure) {
    guard body.readableBytes <= Self.maximumBytes else {
      throw Failure(
        .tooLarge, reason: "request_too_large", "The body may have at most \(Self.maximumBytes >> 10)KiB here.")
    }
    guard body.readableBytes > 0 else {
      members = []
      return
    }
    do {
      guard case .object(let members) = try JSONValue(body) else {
        throw Failure(.invalidRequest, reason: "invalid_json", "The body must be a JSON object.")
      }
      self.members = members
    } catch let error as JSONSyntaxError {
      throw Failure(
        .invalidRequest, reason: "invalid_json",
        "The body is not JSON: at byte \(error.offset) \(error.expected) was expected.")
    } catch {
      throw Failure(.invalidRequest, reason: "invalid_json", "The body must be a JSON object.")
    }
    noteTwins()
  }

  /// Makes sure that a request to a route which takes no query has none.
  ///
  /// - Throws: `invalidRequest`.
  package static func refuseQuery(of request: Request) throws(Failure) { try Fields(query: request).finish() }

  private mutating func noteTwins() {
    var seen: Set<String> = []
    for member in members where !seen.insert(member.name).inserted {
      problems.append(Failure.Detail(field: member.name.clipped(to: 128), problem: "is given twice"))
    }
  }

  /// Notes what is wrong with a field.
  package mutating func refuse(_ field: String, _ problem: String) {
    problems.append(Failure.Detail(field: field, problem: problem))
  }

  /// Whether a field is there, be it as null.
  package func has(_ name: String) -> Bool { members.contains { $0.name == name } }

  /// The failure that names every wrong field, if one is wrong.
  ///
  /// - Throws: `invalidRequest`.
  package func finish() throws(Failure) {
    let expected = known.sorted().map { "'\($0)'" }.joined(separator: ", ")
    let unknown = Set(members.map(\.name)).subtracting(known).sorted().prefix(20).map {
      Failure.Detail(
        field: $0.clipped(to: 128), problem: "is not a field here; \(expected.isEmpty ? "none is" : expected + " are")")
    }
    let all = problems + unknown
    guard let first = all.first else { return }
    let more = all.count > 1 ? " (and \(all.count - 1) more)" : ""
    throw Failure(
      .invalidRequest, reason: "invalid_fields", "'\(first.field)' \(first.problem)\(more).", details: all)
  }

  // MARK: Fields by type; nil where a field is absent, null or wrong

  /// A text of so many characters, none of them a control character.
  package mutating func text(_ name: String, in length: ClosedRange<Int> = 1...128, required: Bool = false) -> String? {
    let expected =
      "a text of \(length.lowerBound) to \(length.upperBound) characters, composed (NFC), none a control character"
    return read(name, expected, required: required) { value in
      guard case .text(let text) = value, Self.isPlain(text, in: length) else { return nil }
      return text
    }
  }

  /// A whole number.
  package mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
    read(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") { [areOfQuery] value in
      var value = value
      if areOfQuery, case .text(let text) = value { value = .number(Int(text)) }
      guard case .number(let number?) = value, range.contains(number) else { return nil }
      return number
    }
  }

  /// One of the cases of `Choice`, by its raw value.
  package mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String) -> Choice?
  where Choice.RawValue == String {
    let names = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
    return read(name, names) { value in
      guard case .text(let text) = value else { return nil }
      return Choice(rawValue: text)
    }
  }

  /// Texts, at most so many.
  package mutating func texts(_ name: String, atMost most: Int) -> [String]? {
    read(name, "an array of at most \(most) texts of 1 to 128 characters") { value in
      guard case .array(let elements) = value, elements.count <= most else { return nil }
      let texts = elements.compactMap { element -> String? in
        guard case .text(let text) = element, Self.isPlain(text, in: 1...128) else { return nil }
        return text
      }
      return texts.count == elements.count ? texts : nil
    }
  }

  /// Texts by name, at most so many.
  package mutating func textMap(_ name: String, atMost most: Int) -> [String: String]? {
    read(name, "an object of at most \(most) texts of up to 512 characters, with names of 1 to 64") { value in
      guard case .object(let members) = value, members.count <= most else { return nil }
      var map: [String: String] = [:]
      for member in members {
        guard case .text(let text) = member.value, Self.isPlain(text, in: 0...512),
          Self.isPlain(member.name, in: 1...64), map.updateValue(text, forKey: member.name) == nil
        else { return nil }
      }
      return map
    }
  }

  /// A moment (RFC 3339), in milliseconds since 1970.
  package mutating func moment(_ name: String) -> Int64? {
    read(name, "a moment such as 2030-01-31T12:00:00Z (RFC 3339)") { value in
      guard case .text(let text) = value else { return nil }
      return Moment.milliseconds(text)
    }
  }

  private mutating func read<Value>(
    _ name: String, _ expected: String, required: Bool = false, _ read: (JSONValue) -> Value?
  ) -> Value? {
    known.insert(name)
    guard let value = members.first(where: { $0.name == name })?.value, required || value != .null else {
      if required { refuse(name, "is needed: \(expected)") }
      return nil
    }
    guard let result = read(value) else {
      refuse(name, "must be \(expected)" + (areOfQuery ? "" : "; what came is \(value.kindName)"))
      return nil
    }
    return result
  }

  /// Whether a text is short enough, without control characters, and composed (NFC): two spellings of one name are not
  /// two names.
  package static func isPlain(_ text: String, in length: ClosedRange<Int>) -> Bool {
    length.contains(text.count) && text.utf8.count <= length.upperBound * 4
      && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
      && text.utf8.elementsEqual(text.precomposedStringWithCanonicalMapping.utf8)
  }
}
