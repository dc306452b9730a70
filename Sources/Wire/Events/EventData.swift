import Glibc

/// What one server-sent event carries, read in place.
///
/// Source: WHATWG HTML, section 9.2.6.
package enum EventData {
  /// The value of the event's first `data` line, without the space after the colon; nil for a comment.
  package static func first(of event: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var lineStart = 0
    while lineStart < event.count {
      let lineEnd = event.index(ofLineEndFrom: lineStart)
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
  /// Where the line that `start` stands in ends: at the next LF or CR, or at the end.
  func index(ofLineEndFrom start: Int) -> Int {
    let lineFeed = index(of: 0x0A, from: start) ?? count
    return UnsafeRawBufferPointer(rebasing: self[..<lineFeed]).index(of: 0x0D, from: start) ?? lineFeed
  }

  /// Whether a word stands at an offset.
  fileprivate func holds(_ word: StaticString, at offset: Int) -> Bool {
    guard offset + word.utf8CodeUnitCount <= count, let start = baseAddress else { return false }
    return memcmp(start + offset, word.utf8Start, word.utf8CodeUnitCount) == 0
  }
}
