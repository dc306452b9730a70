import Glibc

/// What one server-sent event carries, read in place.
///
/// Source: WHATWG HTML, section 9.2.6.
package enum EventData {
  /// The value of the event's first `data` line, without the space after the colon; nil for a comment.
  package static func first(of event: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var lineStart = 0
    var lineEnds = LineEnds(in: event, from: 0)
    while lineStart < event.count {
      let lineEnd = lineEnds.next() ?? event.count
      if event.holds("data:", at: lineStart) {
        let valueStart = lineStart + (event.holds("data: ", at: lineStart) ? 6 : 5)
        return UnsafeRawBufferPointer(rebasing: event[valueStart..<lineEnd])
      }
      lineStart = lineEnd + 1
    }
    return nil
  }

  /// Whether this is the event that ends a stream in OpenAI's API: `data: [DONE]`.
  package static func isDone(_ data: UnsafeRawBufferPointer) -> Bool {
    data.count == 6 && data.holds("[DONE]", at: 0)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether a word stands at an offset.
  func holds(_ word: StaticString, at offset: Int) -> Bool {
    guard offset + word.utf8CodeUnitCount <= count, let start = baseAddress else { return false }
    return memcmp(start + offset, word.utf8Start, word.utf8CodeUnitCount) == 0
  }
}

/// Finds the ends of lines, LF or CR, one after the other; each byte is looked at twice at most.
struct LineEnds {
  private let bytes: UnsafeRawBufferPointer
  private var lineFeed: Int
  private var carriageReturn: Int

  init(in bytes: UnsafeRawBufferPointer, from start: Int) {
    self.bytes = bytes
    lineFeed = bytes.index(of: 0x0A, from: start) ?? bytes.count
    carriageReturn = bytes.index(of: 0x0D, from: start) ?? bytes.count
  }

  /// Where the next one stands; nil where there is none.
  mutating func next() -> Int? {
    let end = min(lineFeed, carriageReturn)
    guard end < bytes.count else { return nil }
    if end == lineFeed {
      lineFeed = bytes.index(of: 0x0A, from: end + 1) ?? bytes.count
    } else {
      carriageReturn = bytes.index(of: 0x0D, from: end + 1) ?? bytes.count
    }
    return end
  }
}
