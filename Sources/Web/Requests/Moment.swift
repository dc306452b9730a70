import Glibc

/// Moments as milliseconds since 1970, and as texts.
package enum Moment {
  /// The moment of now.
  package static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Reads a text such as `2030-01-31T12:00:00.5+01:00`; nil for what is none, a 30th of February too.
  ///
  /// Source: RFC 3339, section 5.6; a leap second is not taken.
  package static func milliseconds(_ text: String) -> Int64? {
    let form = /(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))/
    guard text.utf8.count <= 40, let match = text.wholeMatch(of: form.asciiOnlyDigits()) else { return nil }
    let (_, year, month, day, hour, minute, second, fraction, sign, aheadHours, aheadMinutes) = match.output
    let numbers = [year, month, day, hour, minute, second, aheadHours ?? "0", aheadMinutes ?? "0"].map {
      Int64($0) ?? 0
    }
    guard (1...12).contains(numbers[1]), (1...days(in: numbers[1], of: numbers[0])).contains(numbers[2]),
      numbers[3] < 24, numbers[4] < 60, numbers[5] < 60, numbers[6] < 24, numbers[7] < 60
    else { return nil }
    let ahead = (numbers[6] * 60 + numbers[7]) * 60 * (sign == "-" ? -1 : 1)
    let time = (numbers[3] * 60 + numbers[4]) * 60 + numbers[5]
    let thousandths = Int64((fraction ?? "0").prefix(3)) ?? 0
    let scale: Int64 = [1: 100, 2: 10][fraction?.count ?? 3] ?? 1
    return (day1970(numbers[0], numbers[1], numbers[2]) * 86_400 + time - ahead) * 1000 + thousandths * scale
  }

  /// Writes a moment as RFC 3339, in UTC, with thousandths.
  package static func text(_ milliseconds: Int64) -> String {
    let (seconds, thousandths) = (
      floorDivided(milliseconds, 1000), milliseconds - floorDivided(milliseconds, 1000) * 1000
    )
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    let numbers = [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec].map {
      padded(Int($0), 2)
    }
    return "\(padded(Int(parts.tm_year) + 1900, 4))-\(numbers[0])-\(numbers[1])T"
      + "\(numbers[2]):\(numbers[3]):\(numbers[4]).\(padded(Int(thousandths), 3))Z"
  }

  private static func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func floorDivided(_ number: Int64, _ divisor: Int64) -> Int64 {
    number / divisor - (number % divisor < 0 ? 1 : 0)
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// Days from the first of 1970 to a date: years are counted from March, so that the leap day is the last.
  private static func day1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let counted = month > 2 ? year : year - 1
    let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return counted * 365 + counted / 4 - counted / 100 + counted / 400 + ofYear - 719_468
  }
}
