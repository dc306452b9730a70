import Glibc
package import Logging
import Wire

/// One line of the log: a JSON object that is written as it is built.
package struct LogLine {
  var bytes: [UInt8] = []

  /// Begins a line with the time, the level and the message.
  package init(level: Logger.Level, message: String) {
    bytes.reserveCapacity(512)
    bytes += #"{"time":""#.utf8
    Self.appendTime(to: &bytes)
    bytes += #"","level":""#.utf8
    bytes += level.rawValue.utf8
    bytes.append(UInt8(ascii: "\""))
    add("message", message)
  }

  /// Adds a text, escaped.
  package mutating func add(_ name: StaticString, _ value: String) {
    add(name)
    JSONString.encode(value, into: &bytes)
  }

  /// Adds a text whose name is not known beforehand, escaped.
  package mutating func add(name: String, _ value: String) {
    bytes.append(UInt8(ascii: ","))
    JSONString.encode(name, into: &bytes)
    bytes.append(UInt8(ascii: ":"))
    JSONString.encode(value, into: &bytes)
  }

  /// Adds a whole number.
  package mutating func add(_ name: StaticString, _ value: Int) {
    add(name)
    bytes += String(value).utf8
  }

  /// Adds a length of time in milliseconds, to the microsecond.
  package mutating func add(_ name: StaticString, milliseconds nanoseconds: Int64) {
    add(name)
    Self.appendMilliseconds(nanoseconds, to: &bytes)
  }

  /// Adds true or false.
  package mutating func add(_ name: StaticString, _ value: Bool) {
    add(name)
    bytes += (value ? "true" : "false").utf8
  }

  private mutating func add(_ name: StaticString) {
    bytes += #",""#.utf8
    bytes += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    bytes += #"":"#.utf8
  }

  /// Nanoseconds as milliseconds, to the microsecond: `12.345`.
  package static func milliseconds(_ nanoseconds: Int64) -> String {
    var output: [UInt8] = []
    appendMilliseconds(nanoseconds, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static func appendMilliseconds(_ nanoseconds: Int64, to output: inout [UInt8]) {
    let microseconds = max(0, nanoseconds) / 1000
    output += String(microseconds / 1000).utf8
    output.append(UInt8(ascii: "."))
    appendDigits(Int(microseconds % 1000), width: 3, to: &output)
  }

  /// The time as RFC 3339 in UTC, to the millisecond: `2026-01-31T23:59:59.999Z`.
  private static func appendTime(to output: inout [UInt8]) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    appendDigits(Int(parts.tm_year) + 1900, width: 4, to: &output)
    for (separator, value) in [("-", parts.tm_mon + 1), ("-", parts.tm_mday), ("T", parts.tm_hour)] {
      output += separator.utf8
      appendDigits(Int(value), width: 2, to: &output)
    }
    for value in [parts.tm_min, parts.tm_sec] {
      output.append(UInt8(ascii: ":"))
      appendDigits(Int(value), width: 2, to: &output)
    }
    output.append(UInt8(ascii: "."))
    appendDigits(now.tv_nsec / 1_000_000, width: 3, to: &output)
    output.append(UInt8(ascii: "Z"))
  }

  private static func appendDigits(_ value: Int, width: Int, to output: inout [UInt8]) {
    var scale = 1
    for _ in 1..<width { scale *= 10 }
    while scale > 0 {
      output.append(UInt8(ascii: "0") + UInt8(value / scale % 10))
      scale /= 10
    }
  }
}
