import Glibc
package import Logging
import Synchronization
import Wire

/// One line of the log: a JSON object that is written as it is built.
package struct LogLine {
  var bytes: [UInt8] = []

  /// Begins a line with the time, the level and the message.
  package init(level: Logger.Level, message: String) {
    bytes.reserveCapacity(640)
    bytes.append(#"{"time":""#)
    bytes.append(text: LogTime.now)
    bytes.append(#"","level":""#)
    bytes.append(text: level.rawValue)
    bytes.append("\"")
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
    bytes.append(decimal: value)
  }

  /// Adds a length of time in milliseconds, to the microsecond.
  package mutating func add(_ name: StaticString, milliseconds nanoseconds: Int64) {
    add(name)
    Self.appendMilliseconds(nanoseconds, to: &bytes)
  }

  /// Adds true or false.
  package mutating func add(_ name: StaticString, _ value: Bool) {
    add(name)
    bytes.append(value ? "true" : "false")
  }

  private mutating func add(_ name: StaticString) {
    bytes.append(#",""#)
    bytes.append(name)
    bytes.append(#"":"#)
  }

  /// Nanoseconds as milliseconds, to the microsecond: `12.345`.
  package static func milliseconds(_ nanoseconds: Int64) -> String {
    var output: [UInt8] = []
    appendMilliseconds(nanoseconds, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static func appendMilliseconds(_ nanoseconds: Int64, to output: inout [UInt8]) {
    let microseconds = Int(max(0, nanoseconds) / 1000)
    output.append(decimal: microseconds / 1000)
    output.append(".")
    output.append(decimal: microseconds % 1000, width: 3)
  }
}

/// The time as RFC 3339 in UTC, to the millisecond: `2026-01-31T23:59:59.999Z`. All but its end is made once a second.
private enum LogTime {
  private static let latest = Mutex((second: 0, text: ""))

  static var now: String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let beginning = latest.withLock { latest in
      if latest.second != now.tv_sec { latest = (now.tv_sec, text(now.tv_sec)) }
      return latest.text
    }
    var end: [UInt8] = []
    end.append(decimal: now.tv_nsec / 1_000_000, width: 3)
    end.append("Z")
    return beginning + String(decoding: end, as: UTF8.self)
  }

  private static func text(_ second: Int) -> String {
    var second = second
    var parts = tm()
    gmtime_r(&second, &parts)
    var bytes: [UInt8] = []
    bytes.append(decimal: Int(parts.tm_year) + 1900, width: 4)
    for (separator, value) in [
      ("-", parts.tm_mon + 1), ("-", parts.tm_mday), ("T", parts.tm_hour), (":", parts.tm_min), (":", parts.tm_sec),
    ] {
      bytes.append(text: separator)
      bytes.append(decimal: Int(value), width: 2)
    }
    return String(decoding: bytes, as: UTF8.self) + "."
  }
}
