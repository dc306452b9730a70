import Glibc
import Kernel
import NIOCore
import Wire

/// What Apus reads in a provider's answers. The rest comes down as it came.
enum ModelAnswer {
  /// The tokens that a whole answer reports.
  ///
  /// - Throws: `JSONSyntaxError` where the answer is not JSON.
  static func usage(in bytes: UnsafeRawBufferPointer) throws -> Usage? {
    var cursor = JSONCursor(bytes)
    var usage: Usage?
    guard try cursor.peek() == .object else {
      try cursor.skip()
      try cursor.end()
      return nil
    }
    try cursor.members { key, cursor in
      if case "usage" = key, try cursor.peek() == .object { usage = try tokens(&cursor) } else { try cursor.skip() }
    }
    try cursor.end()
    return usage
  }

  /// The tokens that one event of a stream reports; most events do not.
  static func usage(inEvent data: UnsafeRawBufferPointer) -> Usage? {
    guard usageKey(in: data) != nil else { return nil }
    return try? usage(in: data)  // an event that is not JSON reports nothing, and is the client's to judge
  }

  /// The tokens that stand near the end of an answer whose beginning is gone.
  static func usage(inTail bytes: UnsafeRawBufferPointer) -> Usage? {
    guard let start = usageKey(in: bytes) else { return nil }
    var cursor = JSONCursor(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    // The end of a text is no text: the cursor is told to begin at a key.
    return try? cursor.value(ofMember: tokens)  // an answer that reports no tokens in this way has none to count
  }

  /// Where the key `"usage"` stands, quotes included.
  private static func usageKey(in data: UnsafeRawBufferPointer) -> Int? {
    let word: StaticString = "\"usage\""
    // Of its letters `g` is the rarest in an answer: whatever has none is passed over at the speed of memory.
    let rarest = (offset: 4, letter: Int32(UInt8(ascii: "g")))
    guard let start = data.baseAddress else { return nil }
    var position = rarest.offset
    while position < data.count, let found = memchr(start + position, rarest.letter, data.count - position) {
      let wordStart = UnsafeRawPointer(found) - start - rarest.offset
      if data.count - wordStart >= word.utf8CodeUnitCount,
        memcmp(start + wordStart, word.utf8Start, word.utf8CodeUnitCount) == 0
      {
        return wordStart
      }
      position = wordStart + rarest.offset + 1
    }
    return nil
  }

  /// Source: OpenAI API reference, the usage object.
  private static func tokens(_ cursor: inout JSONCursor) throws -> Usage {
    var usage = Usage(inputTokens: 0, outputTokens: 0)
    try cursor.members { key, cursor in
      guard try cursor.peek() == .number else { return _ = try cursor.skip() }
      let count = max(0, try cursor.integer() ?? 0)
      switch key {
      case "prompt_tokens": usage.inputTokens = count
      case "completion_tokens": usage.outputTokens = count
      default: break
      }
    }
    return usage
  }

  /// Headers of a provider's answer that a client may see; what is not here may tell about the operator's account.
  static let passedHeaders: [StaticString] = [
    "content-type", "content-encoding", "content-language", "retry-after", "retry-after-ms", "openai-model",
    "openai-processing-ms", "openai-version", "x-should-retry",
  ]

  /// Whether a body of this type is one of an API: `application/json`, `application/problem+json`.
  static func isJSON(_ lines: HeaderLines) -> Bool {
    hasMediaType(lines) { $0.count >= 4 && $0.suffix(4).spells("json") }
  }

  /// Whether a body is a stream of events.
  static func isEventStream(_ lines: HeaderLines) -> Bool {
    hasMediaType(lines) { $0.spells("text/event-stream") }
  }

  /// Judges the media type, without its parameters.
  private static func hasMediaType(_ lines: HeaderLines, _ judge: (Slice<UnsafeRawBufferPointer>) -> Bool) -> Bool {
    lines.withFirst("content-type") { value in
      judge(value.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") })
    } ?? false
  }
}

extension Slice<UnsafeRawBufferPointer> {
  /// Whether this is the word, in any case; `word` is in lower case, and its signs are the same with that bit set.
  fileprivate func spells(_ word: StaticString) -> Bool {
    count == word.utf8CodeUnitCount && zip(self, 0..<count).allSatisfy { $0 | 0x20 == word.utf8Start[$1] }
  }
}
