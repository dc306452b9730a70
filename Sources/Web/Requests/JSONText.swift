import Wire

/// Writes a JSON object, a field at a time.
package struct JSONText {
  private var fields: [String] = []

  /// An object without fields.
  package init() {}

  /// Adds a text, or null.
  package mutating func add(_ name: String, _ text: String?) { raw(name, text.map { JSONString.encode($0) }) }
  /// Adds a number, or null.
  package mutating func add(_ name: String, _ number: Int?) { raw(name, number.map(String.init)) }
  /// Adds texts, or null.
  package mutating func add(_ name: String, _ texts: [String]?) {
    raw(name, texts.map { "[" + $0.map { JSONString.encode($0) }.joined(separator: ",") + "]" })
  }
  /// Adds texts by name, sorted.
  package mutating func add(_ name: String, _ map: [String: String]) {
    let members = map.sorted { $0.key < $1.key }.map { "\(JSONString.encode($0.key)):\(JSONString.encode($0.value))" }
    raw(name, "{" + members.joined(separator: ",") + "}")
  }
  /// Adds a moment in milliseconds since 1970, or null.
  package mutating func add(_ name: String, moment milliseconds: Int64?) { add(name, milliseconds.map(Moment.text)) }
  /// Adds what is JSON already, or null.
  package mutating func raw(_ name: String, _ json: String?) {
    fields.append("\(JSONString.encode(name)):\(json ?? "null")")
  }

  /// The object.
  package var text: String { "{" + fields.joined(separator: ",") + "}" }
}
