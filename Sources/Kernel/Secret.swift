/// A text that must not be seen: it prints as `•••` everywhere, and is read only where it is needed.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let text: String

  /// Wraps a text.
  package init(_ text: String) {
    self.text = text
  }

  /// The text itself; call it only where the secret goes to its own upstream or is hashed.
  package func reveal() -> String { text }

  /// Whether nothing is inside: an optional key that was left empty.
  package var isEmpty: Bool { text.isEmpty }

  package var description: String { "•••" }
  package var debugDescription: String { "•••" }
  package var customMirror: Mirror { Mirror(reflecting: "•••") }
}
