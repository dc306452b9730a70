import Foundation

/// Moments as milliseconds since 1970, and as texts.
package enum Moment {
  /// The moment of now.
  package static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  private static let whole = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
  private static let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  /// Reads a text of RFC 3339; nil when it is none.
  package static func milliseconds(_ text: String) -> Int64? {
    guard text.utf8.count <= 40, text.contains("T") else { return nil }
    // Each throws for what the other reads.
    let date = (try? whole.parse(text)) ?? (try? fractional.parse(text))
    return date.map { Int64(($0.timeIntervalSince1970 * 1000).rounded()) }
  }

  /// Writes a moment as RFC 3339, in UTC.
  package static func text(_ milliseconds: Int64) -> String {
    fractional.format(Date(timeIntervalSince1970: Double(milliseconds) / 1000))
  }
}
