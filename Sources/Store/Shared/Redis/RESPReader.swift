/// Reads the replies of one connection from the bytes that arrive, wherever these are cut: a pure state machine.
///
/// What a server announces is believed only when it has come: memory grows with the bytes that arrived, up to 64 MiB
/// and about a million values in one reply, and arrays lie eight deep at most.
///
/// Source: Redis serialization protocol specification, version 2.
struct RESPReader {
  /// One reply, its lengths and line ends counted.
  static let maxReplyBytes = 64 << 20
  static let maxValues = 1 << 20
  static let maxDepth = 8
  /// A simple string or an error.
  static let maxLineBytes = 64 << 10
  /// The longest number has 20 characters.
  private static let maxNumberBytes = 20

  private struct OpenArray {
    var missing: Int
    var values: [RESPValue] = []
  }

  /// What came and is not read yet: less than one value.
  private var rest: [UInt8] = []
  /// How far a line without an end was looked through, from the start of `rest`.
  private var scanned = 0
  private var openArrays: [OpenArray] = []
  private var replyBytes = 0
  private var valueCount = 0

  /// Reads what arrived, and appends the replies that are whole now.
  ///
  /// - Throws: once; the replies before the fault have been appended, and nothing can be read after it.
  mutating func read(_ bytes: UnsafeRawBufferPointer, into replies: inout [RESPValue]) throws(RESPSyntaxError) {
    guard !rest.isEmpty else {
      let position = try readValues(in: bytes, into: &replies)
      rest.append(contentsOf: bytes[position...])
      return
    }
    rest.append(contentsOf: bytes)
    let all = rest
    rest = []
    let position = try all.withUnsafeBufferPointer { buffer throws(RESPSyntaxError) in
      try readValues(in: UnsafeRawBufferPointer(buffer), into: &replies)
    }
    rest = all
    rest.removeFirst(position)
  }

  /// Returns how far it came.
  private mutating func readValues(
    in bytes: UnsafeRawBufferPointer, into replies: inout [RESPValue]
  ) throws(RESPSyntaxError) -> Int {
    var position = 0
    while position < bytes.count {
      var end = position
      guard let value = try readValue(in: bytes, at: &end) else { break }
      scanned = 0
      replyBytes += end - position
      position = end
      guard replyBytes <= Self.maxReplyBytes else { throw .tooLarge }
      if case .whole(let value) = value, let reply = complete(value) {
        replies.append(reply)
        replyBytes = 0
        valueCount = 0
      }
    }
    return position
  }

  private enum Step {
    case whole(RESPValue)
    case arrayBegan
  }

  /// Reads one value or the head of an array; nil when it is not all there.
  private mutating func readValue(
    in bytes: UnsafeRawBufferPointer, at position: inout Int
  ) throws(RESPSyntaxError) -> Step? {
    let kind = bytes[position]
    position += 1
    switch kind {
    case UInt8(ascii: ":"):
      return try readNumber(in: bytes, at: &position).map { .whole(.integer($0)) }
    case UInt8(ascii: "$"):
      guard let length = try readNumber(in: bytes, at: &position) else { return nil }
      return try readBytes(length, in: bytes, at: &position).map { .whole($0) }
    case UInt8(ascii: "*"):
      guard let count = try readNumber(in: bytes, at: &position) else { return nil }
      return try beginArray(count)
    case UInt8(ascii: "+"):
      return try readLine(in: bytes, at: &position).map { .whole(.text($0)) }
    case UInt8(ascii: "-"):
      return try readLine(in: bytes, at: &position).map { .whole(.error($0)) }
    default: throw .malformed("a reply of an unknown kind")
    }
  }

  private func readNumber(in bytes: UnsafeRawBufferPointer, at position: inout Int) throws(RESPSyntaxError) -> Int? {
    var number = 0
    var digits = 0
    var isNegative = false
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        // Downwards: there is one more negative number than there are positive ones.
        let (tenfold, isTooFar) = number.multipliedReportingOverflow(by: 10)
        let (next, isFurther) = tenfold.subtractingReportingOverflow(Int(byte - UInt8(ascii: "0")))
        guard !isTooFar, !isFurther, digits < Self.maxNumberBytes else { throw .malformed("a number beyond 64 bits") }
        number = next
      case UInt8(ascii: "-") where position == start + 1: isNegative = true
      case UInt8(ascii: "\r") where digits > 0:
        guard position < bytes.count else { return nil }
        guard bytes[position] == UInt8(ascii: "\n") else { throw .malformed("a line that ends with half an end") }
        position += 1
        guard isNegative || number != .min else { throw .malformed("a number beyond 64 bits") }
        return isNegative ? number : -number
      default: throw .malformed("a number with something else in it")
      }
    }
    return nil
  }

  private func readBytes(
    _ length: Int, in bytes: UnsafeRawBufferPointer, at position: inout Int
  ) throws(RESPSyntaxError) -> RESPValue? {
    guard length >= 0 else {
      guard length == -1 else { throw .malformed("a negative length") }
      return .null
    }
    guard length <= Self.maxReplyBytes - replyBytes else { throw .tooLarge }
    let end = position + length
    guard bytes.count >= end + 2 else { return nil }
    guard bytes[end] == UInt8(ascii: "\r"), bytes[end + 1] == UInt8(ascii: "\n") else {
      throw .malformed("a string that is longer than it was announced")
    }
    let value = Array(bytes[position..<end])
    position = end + 2
    return .bytes(value)
  }

  private mutating func beginArray(_ count: Int) throws(RESPSyntaxError) -> Step {
    guard count > 0 else {
      guard count >= -1 else { throw .malformed("a negative count") }
      return .whole(count == 0 ? .array([]) : .null)
    }
    guard openArrays.count < Self.maxDepth else { throw .tooDeep }
    valueCount += min(count, Self.maxValues + 1)
    guard valueCount <= Self.maxValues else { throw .tooLarge }
    openArrays.append(OpenArray(missing: count))
    return .arrayBegan
  }

  private mutating func readLine(
    in bytes: UnsafeRawBufferPointer, at position: inout Int
  ) throws(RESPSyntaxError) -> [UInt8]? {
    var end = max(position, scanned)
    while end < bytes.count, bytes[end] != UInt8(ascii: "\r") {
      guard bytes[end] != UInt8(ascii: "\n") else { throw .malformed("a line that ends with half an end") }
      end += 1
    }
    guard end - position <= Self.maxLineBytes else { throw .tooLarge }
    guard end + 1 < bytes.count else {
      scanned = end - position + 1
      return nil
    }
    guard bytes[end + 1] == UInt8(ascii: "\n") else { throw .malformed("a line that ends with half an end") }
    let line = Array(bytes[position..<end])
    position = end + 2
    return line
  }

  /// Puts a value where it belongs, and returns the reply if that made it whole.
  private mutating func complete(_ value: RESPValue) -> RESPValue? {
    var value = value
    while let innermost = openArrays.indices.last {
      openArrays[innermost].values.append(value)
      openArrays[innermost].missing -= 1
      guard openArrays[innermost].missing == 0 else { return nil }
      value = .array(openArrays[innermost].values)
      openArrays.removeLast()
    }
    return value
  }
}
