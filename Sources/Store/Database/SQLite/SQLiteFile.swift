import Glibc
import Kernel

/// The file of a database: made for its owner alone, before SQLite would make it for everybody.
enum SQLiteFile {
  /// Makes the file, mode 0600, and the folders above it, mode 0700; what is there already stays as it is.
  static func prepare(_ path: String) throws(Failure) {
    try makeFolder(folder(of: path))
    // Never one that is there: closing it would end the locks of this process's other connections to it.
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 || errno == EEXIST else { throw unusable(path) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Fails when there is no file.
  static func find(_ path: String) throws(Failure) {
    guard access(path, F_OK) != 0 else { return }
    let cause = String(cString: strerror(errno))
    throw Failure(
      .unavailable, reason: "database_unavailable", "there is no database at \(path)", cause: cause)
  }

  /// Waits until the file itself, or the names in a folder, are on the disk.
  static func sync(_ path: String) throws(Failure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unusable(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw unusable(path) }
  }

  /// The folder that a path names its file in.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The failure of the system call before it.
  static func unusable(_ path: String) -> Failure {
    let reason = String(cString: strerror(errno))
    return Failure(.unavailable, reason: "database_unavailable", "cannot use \(path): \(reason)", cause: reason)
  }

  private static func makeFolder(_ path: String) throws(Failure) {
    guard access(path, F_OK) != 0 else { return }
    try makeFolder(folder(of: path))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw unusable(path) }
  }
}
