import Foundation
import Testing

/// Reads a JSON object with Foundation's parser, so that ours is not its own judge.
func object(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
  return try #require(value as? [String: Any], sourceLocation: sourceLocation)
}

/// Texts that break what is put together carelessly.
let hostileTexts = [
  "", "\"", "\\", "\\\"", "a\"},{\"b\":\"", "\n\r\t", "\0\u{1}\u{1f}\u{7f}", "é☃𐍈", "\u{2028}\u{2029}", "\u{fffd}",
  "</script>",
  "${jndi:x}", String(repeating: "x", count: 70_000),
]
