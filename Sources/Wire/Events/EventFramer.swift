package import NIOCore

/// Cuts a stream of server-sent events into whole events, without copying and without delay.
///
/// What arrives in the middle of an event is held until its end, so that whatever is put between two events (a comment
/// that keeps the stream alive, an error) never lands inside one.
///
/// Source: WHATWG HTML, section 9.2.5: an event ends at an empty line; lines end with LF, CR LF or CR.
package struct EventFramer {
  /// The longest event; a longer one is a fault of the upstream.
  package static let maximumEventBytes = 1 << 20

  /// An event was longer than `maximumEventBytes`.
  package struct Overflow: Error {}

  private var held = ByteBuffer()
  private var scanned = 0
  private var boundary = Boundary()

  /// Nothing held.
  package init() {}

  /// Whether nothing of an unfinished event is held.
  package var isBetweenEvents: Bool { held.readableBytes == 0 }

  /// Takes what arrived; returns the whole events that are now there, in one piece, or nil when there are none.
  ///
  /// `visit` sees each event's bytes, the empty line at its end included.
  package mutating func feed(
    _ chunk: ByteBuffer, visit: (UnsafeRawBufferPointer) -> Void
  ) throws(Overflow) -> ByteBuffer? {
    if held.readableBytes == 0 {
      held = chunk
      scanned = 0
    } else {
      held.writeImmutableBuffer(chunk)
    }
    let whole = held.withUnsafeReadableBytes { scan($0, visit) }
    scanned = held.readableBytes - whole
    if scanned > Self.maximumEventBytes { throw Overflow() }
    guard whole > 0 else { return nil }
    let events = held.readSlice(length: whole)
    // A copy of the unfinished event alone: appended to what has left, it would hold the whole stream in memory.
    held = held.readableBytes == 0 ? ByteBuffer() : ByteBuffer(buffer: held)
    return events
  }

  /// The length of the whole events at the front.
  private mutating func scan(_ bytes: UnsafeRawBufferPointer, _ visit: (UnsafeRawBufferPointer) -> Void) -> Int {
    var start = 0
    var offset = scanned
    var lineEnds = LineEnds(in: bytes, from: offset)
    while offset < bytes.count {
      // Nothing ends an event but a line's end: what stands before the next one is passed at once.
      let lineEnd = lineEnds.next() ?? bytes.count
      if lineEnd > offset { boundary.passText() }
      guard lineEnd < bytes.count else { break }
      if boundary.isPassed(by: bytes[lineEnd]) {
        visit(UnsafeRawBufferPointer(rebasing: bytes[start...lineEnd]))
        start = lineEnd + 1
      }
      offset = lineEnd + 1
    }
    return start
  }

  /// Recognises the empty line at an event's end. A lone CR after LF is taken for the first half of CR LF.
  private struct Boundary {
    private enum State { case inLine, lineStart, afterCR, emptyLineCR }
    private var state = State.lineStart

    /// Bytes came that are no line's end.
    mutating func passText() {
      state = .inLine
    }

    /// A line's end came, LF or CR: returns whether an event ends with it.
    mutating func isPassed(by byte: UInt8) -> Bool {
      switch (state, byte) {
      case (.lineStart, 0x0A), (.emptyLineCR, 0x0A), (.afterCR, 0x0D):
        state = .lineStart
        return true
      case (.lineStart, 0x0D): state = .emptyLineCR
      case (_, 0x0A): state = .lineStart
      default: state = .afterCR
      }
      return false
    }
  }
}
