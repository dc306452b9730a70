import CPostgres
import Kernel

/// What the server answered to one statement.
final class PostgresResult {
  private let handle: OpaquePointer
  private let library: UnsafePointer<apus_postgres>

  init(_ handle: OpaquePointer, _ library: UnsafePointer<apus_postgres>) {
    self.handle = handle
    self.library = library
  }

  deinit { library.pointee.PQclear(handle) }

  /// Whether the server has begun to copy, and would answer the same for ever.
  var isCopy: Bool {
    [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(library.pointee.PQresultStatus(handle))
  }

  /// The word for what was done: `COMMIT`, or `ROLLBACK` when there was nothing left to commit.
  var command: String { library.pointee.PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

  /// Why the server refused the statement, if it did.
  ///
  /// Its words are kept unless they may repeat a value: data exceptions (22), and what triggers and procedures raise
  /// (P0); details and hints, which do, are never asked for.
  func refusal(_ options: PostgresOptions) -> PostgresConnection.Problem? {
    let status = library.pointee.PQresultStatus(handle)
    if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY { return nil }
    let state = field("C") ?? "XX000"
    let mayRepeatValues = state.hasPrefix("22") || state.hasPrefix("P0")
    let words = mayRepeatValues ? "a value does not fit" : options.cleaned(field("M") ?? "no reason given")
    return .refused(state: state, "\(words) (PostgreSQL \(state))")
  }

  private func field(_ letter: Unicode.Scalar) -> String? {
    library.pointee.PQresultErrorField(handle, Int32(letter.value)).map { String(cString: $0) }
  }

  /// The rows, and how many were changed.
  var statementResult: StatementResult {
    let columnCount = library.pointee.PQnfields(handle)
    let columns = (0..<columnCount).map { library.pointee.PQfname(handle, $0).map { String(cString: $0) } ?? "" }
    let types = (0..<columnCount).map { library.pointee.PQftype(handle, $0) }
    let rows = (0..<library.pointee.PQntuples(handle)).map { row in
      Row(columns: columns, values: (0..<columnCount).map { value(row, $0, types[Int($0)]) })
    }
    let changed = columnCount == 0 || !command.hasPrefix("SELECT") ? count : 0
    return StatementResult(rows: rows, changed: changed)
  }

  private var count: Int {
    library.pointee.PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0
  }

  private func value(_ row: Int32, _ column: Int32, _ type: Oid) -> DatabaseValue {
    guard library.pointee.PQgetisnull(handle, row, column) == 0,
      let start = library.pointee.PQgetvalue(handle, row, column)
    else { return .null }
    let length = Int(library.pointee.PQgetlength(handle, row, column))
    let bytes = UnsafeRawBufferPointer(start: start, count: length)
    return PostgresType(oid: type).value(of: bytes)
  }
}

/// How a column's text is read, by its type's number.
///
/// Source: PostgreSQL's `pg_type.dat`.
enum PostgresType {
  case flag
  case bytes
  case integer
  /// What sums of whole numbers are, and averages: of any size, with a fraction or not.
  case numeric
  case real
  case text

  init(oid: Oid) {
    self =
      switch oid {
      case 16: .flag
      case 17: .bytes
      case 20, 21, 23, 26: .integer
      case 700, 701: .real
      case 1700: .numeric
      default: .text
      }
  }

  func value(of bytes: UnsafeRawBufferPointer) -> DatabaseValue {
    switch self {
    case .flag: return .integer(bytes.first == UInt8(ascii: "t") ? 1 : 0)
    case .bytes: return .blob(Self.bytes(ofHex: bytes.dropFirst(2)))
    case .integer, .numeric, .real, .text:
      let text = String(decoding: bytes, as: UTF8.self)
      if self == .integer || self == .numeric, let number = Int64(text) { return .integer(number) }
      if self == .real || self == .numeric, let number = Double(text) { return .real(number) }
      return .text(text)
    }
  }

  private static func bytes(ofHex digits: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
    let start = digits.startIndex
    return (0..<digits.count / 2).map { nibble(digits[start + 2 * $0]) << 4 | nibble(digits[start + 2 * $0 + 1]) }
  }

  /// The server writes lower-case digits only.
  private static func nibble(_ digit: UInt8) -> UInt8 {
    digit <= UInt8(ascii: "9") ? digit &- UInt8(ascii: "0") : digit &- UInt8(ascii: "a") &+ 10
  }
}
