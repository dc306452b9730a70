import GRDB
import GRDBSQLite
import Kernel

extension Failure {
  /// What went wrong while a statement ran. SQLite's words are kept only where they name columns, never values.
  init(sqlite error: any Error, isReadOnly: Bool) {
    switch error {
    case let error as DatabaseError: self = .sqlite(error, saying: nil, isReadOnly: isReadOnly)
    case let error as Failure: self = error
    default: self = .misuse("\(type(of: error))")
    }
  }

  /// What went wrong while a statement was prepared: nothing but the statement can be in SQLite's words.
  init(sqliteStatement error: any Error, isReadOnly: Bool) {
    guard let error = error as? DatabaseError else {
      self.init(sqlite: error, isReadOnly: isReadOnly)
      return
    }
    self = .sqlite(error, saying: error.message, isReadOnly: isReadOnly)
  }

  private static func sqlite(_ error: DatabaseError, saying words: String?, isReadOnly: Bool) -> Failure {
    let code = error.extendedResultCode
    let primary = error.resultCode
    let name = "\(String(cString: sqlite3_errstr(code.rawValue))) (SQLite \(code.rawValue))"
    let cause = words.map { "\($0) (SQLite \(code.rawValue))" } ?? name
    switch primary {
    case .SQLITE_CONSTRAINT:
      let cause = "\(error.message ?? name) (SQLite \(code.rawValue))"
      let isConflict = [.SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID].contains(
        code)
      return isConflict ? .conflict(cause) : .misuse(cause)
    case .SQLITE_INTERRUPT: return .databaseTimeout("a statement took longer than its limit")
    case .SQLITE_READONLY where isReadOnly: return .misuse("a read must not write")
    case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_NOMEM,
      .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_PROTOCOL, .SQLITE_PERM:
      return .databaseUnavailable(cause)
    default: return .misuse(cause)
    }
  }
}
