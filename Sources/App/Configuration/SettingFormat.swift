import Kernel

/// How one kind of value is written in the configuration.
struct SettingFormat<Value: Sendable>: Sendable {
  /// What a mistake says after "expected".
  var expectation: String
  /// What to do about a value that does not fit, as a sentence.
  var remedy: String
  /// The value of a text, or none when it does not fit.
  var read: @Sendable (String) -> Value?
  /// A text that `read` takes back to the same value.
  var write: @Sendable (Value) -> String
}

extension SettingFormat where Value == Int {
  /// A whole number.
  static func integer(_ what: String, in range: ClosedRange<Int>) -> SettingFormat {
    SettingFormat(
      expectation: "\(what) from \(range.lowerBound) to \(range.upperBound)",
      remedy: "Write a whole number in that range, in digits only.",
      read: { text in
        guard text.allSatisfy(\.isWholeNumber), let number = Int(text), range.contains(number) else { return nil }
        return number
      },
      write: { String($0) })
  }
}

extension SettingFormat where Value == ByteCount {
  /// A size of at least one byte.
  static var size: SettingFormat {
    SettingFormat(
      expectation: "a size such as 256MiB or 64KiB",
      remedy: "Write a whole number above 0 and a unit: B, KiB, MiB or GiB (powers of 1,024).",
      read: { text in
        let shifts = ["B": 0, "KiB": 10, "MiB": 20, "GiB": 30]
        let digits = text.prefix(while: \.isWholeNumber)
        guard let count = Int(digits), count > 0, let shift = shifts[String(text[digits.endIndex...])] else {
          return nil
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : ByteCount(bytes)
      },
      write: { $0.description })
  }
}

extension SettingFormat where Value == Duration {
  /// A duration above zero.
  static var duration: SettingFormat { duration(zero: false) }
  /// A duration that may be zero.
  static var durationOrZero: SettingFormat { duration(zero: true) }

  private static func duration(zero: Bool) -> SettingFormat {
    SettingFormat(
      expectation: "a duration such as 3s or 500ms" + (zero ? ", or 0" : ""),
      remedy: "Write a number \(zero ? "" : "above 0 ")and a unit: ms, s, m or h; at most 8760h.",
      read: { text in
        guard let nanoseconds = DurationText.nanoseconds(text), zero || nanoseconds > 0 else { return nil }
        return .nanoseconds(nanoseconds)
      },
      write: { DurationText.write($0) })
  }
}

/// Durations as texts: `3s`, `500ms`, `10m`, `1h`, `1.5s`, `0`.
private enum DurationText {
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
  ]
  /// A year: far below where sums of times overflow 64 bits of nanoseconds.
  private static let longest = 8760.0 * 3600e9

  static func nanoseconds(_ text: String) -> Int64? {
    if text == "0" { return 0 }
    let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let unit = text[number.endIndex...]
    guard number.first != ".", number.last != ".", let amount = Double(number),
      let scale = units.first(where: { $0.name == unit })?.nanoseconds
    else { return nil }
    let nanoseconds = amount * Double(scale)
    return nanoseconds <= longest ? Int64(nanoseconds.rounded()) : nil
  }

  /// In the largest unit that leaves no fraction, else in milliseconds with one.
  static func write(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    guard nanoseconds != 0 else { return "0s" }
    for unit in units where nanoseconds % unit.nanoseconds == 0 {
      return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }
    return "\(Double(nanoseconds) / 1e6)ms"
  }
}

extension SettingFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the cases, by its raw value.
  static var choice: SettingFormat {
    let names = Value.allCases.map(\.rawValue)
    return SettingFormat(
      expectation: "one of " + names.joined(separator: ", "), remedy: "Write one of these words.",
      read: { Value(rawValue: $0) }, write: { $0.rawValue })
  }
}
