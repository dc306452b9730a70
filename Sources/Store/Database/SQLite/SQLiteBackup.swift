import Glibc
import GRDB
import Kernel

/// A copy of a database in one file: written beside its place, and renamed once it is whole and on the disk.
struct SQLiteBackup {
  let path: String
  private let draft: String

  init(path: String) {
    self.path = path
    // Not to be guessed: in a folder of many, somebody could have put a link there.
    draft = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 16)).part"
  }

  func write(from pool: DatabasePool) throws {
    try refuseExisting()
    do {
      try SQLiteFile.prepare(draft)
      try copy(pool)
      try SQLiteFile.sync(draft)
      try name()
      try SQLiteFile.sync(SQLiteFile.folder(of: path))
    } catch {
      unlink(draft)
      throw error
    }
  }

  /// All pages in one step: a step sees one moment, and a copy in several would begin anew at each write of another
  /// process. Writers are not held up, since the journal keeps what they write.
  private func copy(_ pool: DatabasePool) throws {
    let target = try DatabaseQueue(path: draft)
    try pool.unsafeRead { source in
      try target.writeWithoutTransaction { target in
        try source.backup(to: target)
        // The copy says that it has a write-ahead log; without one it is one file, wherever it is taken.
        try target.execute(sql: "PRAGMA journal_mode = DELETE")
      }
    }
    try target.close()
  }

  /// Gives the draft its name, and never takes it from another file: `rename` would, and is for file systems without
  /// links only.
  private func name() throws(Failure) {
    if link(draft, path) == 0 {
      unlink(draft)
    } else if errno == EEXIST {
      throw exists
    } else if rename(draft, path) != 0 {
      throw SQLiteFile.unusable(path)
    }
  }

  private func refuseExisting() throws(Failure) {
    var status = stat()
    if lstat(path, &status) == 0 { throw exists }
  }

  private var exists: Failure {
    Failure(.conflict, reason: "file_exists", "There is a file \(path) already: give another name.")
  }
}
