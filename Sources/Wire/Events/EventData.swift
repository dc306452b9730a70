/// What one server-sent event carries, read in place.
///
/// Source: WHATWG HTML, section 9.2.6.
package enum EventData {
  /// The value of the event's first `data` line, without the space after the colon; nil for a comment.
  package static func first(of event: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var lineStart = 0
    while lineStart < event.count {
      let rest = event[lineStart...]
      let lineEnd = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? event.count
      if rest.starts(with: "data:".utf8) {
        let hasSpace = lineStart + 5 < lineEnd && event[lineStart + 5] == 0x20
        return UnsafeRawBufferPointer(rebasing: event[(lineStart + (hasSpace ? 6 : 5))..<lineEnd])
      }
      lineStart = lineEnd + 1
    }
    return nil
  }

  /// Whether this is the event that ends a stream in OpenAI's API: `data: [DONE]`.
  package static func isDone(_ data: UnsafeRawBufferPointer) -> Bool {
    data.elementsEqual("[DONE]".utf8)
  }
}
