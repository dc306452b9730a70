/// Where a request stands in a distributed trace.
///
/// Source: W3C Trace Context, level 1, sections 3.2 and 3.3.
package struct TraceContext: Sendable, Equatable {
  /// 32 hexadecimal digits, the same for all that a request causes anywhere.
  package var traceID: String
  /// 16 hexadecimal digits: Apus's own part of it.
  package var spanID: String
  /// Two hexadecimal digits; the last bit says that the caller records.
  package var flags: String
  /// Vendors' state, handed on unread.
  package var state: String?

  /// Continues the caller's trace, or begins one where there is none or it is malformed.
  package init(traceparent: String?, tracestate: String?) {
    spanID = RandomDigits.next(8)
    if let traceparent, let (traceID, flags) = Self.parse(traceparent) {
      self.traceID = traceID
      self.flags = flags
      state = tracestate.flatMap { $0.utf8.count <= 512 && $0.isSingleLine ? $0 : nil }
    } else {
      traceID = RandomDigits.next(16)
      flags = "00"
    }
  }

  /// The header for what Apus calls.
  package var traceparent: String {
    var text = "00-"
    text.reserveCapacity(55)
    text += traceID
    text += "-"
    text += spanID
    text += "-"
    text += flags
    return text
  }

  private static func parse(_ text: String) -> (traceID: String, flags: String)? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0] != "ff", parts[0] != "00" || parts.count == 4 else { return nil }
    for (part, length) in zip(parts, [2, 32, 16, 2]) {
      guard part.utf8.count == length, part.utf8.allSatisfy(isLowerHex) else { return nil }
    }
    guard parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" }) else { return nil }
    return (String(parts[1]), String(parts[3]))
  }

  private static func isLowerHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}

extension String {
  /// Whether it is printable ASCII, so that it can stand in a header or a log as it is.
  var isSingleLine: Bool { utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}
