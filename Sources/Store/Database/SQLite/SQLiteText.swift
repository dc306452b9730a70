import Synchronization

/// The SQL texts that one database was asked, in SQLite's words: numbered values are `?1` there, not `$1`.
///
/// The first 256 texts are kept, and their statements prepared once for each connection; there are no more unless
/// somebody puts texts together, and those are prepared each time.
final class SQLiteTexts: Sendable {
  private let texts = Mutex<[String: String]>([:])

  /// The text for SQLite, and whether to keep its statement.
  func text(for sql: String) -> (text: String, isKept: Bool) {
    texts.withLock { texts in
      if let text = texts[sql] { return (text, true) }
      let text = Self.translated(sql)
      guard texts.count < 256 else { return (text, false) }
      texts[sql] = text
      return (text, true)
    }
  }

  /// Writes `?` for each `$` that begins a numbered value: not in a text, a name in quotes or a comment.
  static func translated(_ sql: String) -> String {
    var bytes = Array(sql.utf8)
    var index = 0
    while index < bytes.count {
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch (bytes[index], next) {
      case (UInt8(ascii: "'"), _), (UInt8(ascii: "\""), _): index = end(of: [bytes[index]], in: bytes, after: index + 1)
      case (UInt8(ascii: "-"), UInt8(ascii: "-")): index = end(of: [UInt8(ascii: "\n")], in: bytes, after: index + 2)
      case (UInt8(ascii: "/"), UInt8(ascii: "*")): index = end(of: Array("*/".utf8), in: bytes, after: index + 2)
      case (UInt8(ascii: "$"), UInt8(ascii: "0")...UInt8(ascii: "9")):
        bytes[index] = UInt8(ascii: "?")
        index += 1
      default: index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The place behind `mark`, or the end; a doubled quote ends one text and begins the next, which comes to the same.
  private static func end(of mark: [UInt8], in bytes: [UInt8], after start: Int) -> Int {
    var index = start
    while index < bytes.count, !bytes[index...].starts(with: mark) { index += 1 }
    return min(index + mark.count, bytes.count)
  }
}
