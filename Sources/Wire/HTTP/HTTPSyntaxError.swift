/// Why bytes are not the HTTP/1.1 message that was expected.
package enum HTTPSyntaxError: Error, Sendable, Equatable {
  /// The message breaks the grammar, or could be read in two ways; the text says which rule.
  case malformed(String)
  /// The head is larger than `HTTPHead` allows.
  case headTooLarge
}
