#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Reads files that are small by nature.
enum SmallFile {
  /// Why a file was not read.
  struct Problem: Error, Equatable {
    /// The system's number, 0 for a file that is too large.
    var code: Int32
    var reason: String

    /// Whether there is no such file.
    var isMissing: Bool { code == ENOENT }
  }

  /// The bytes of a file, pipe or device that ends within `limitBytes`.
  static func read(_ path: String, limitBytes: Int) throws(Problem) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw lastProblem() }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: limitBytes + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    if ferror(file) != 0 { throw lastProblem() }
    guard count <= limitBytes else { throw Problem(code: 0, reason: "more than \(limitBytes >> 10)KiB") }
    return Array(bytes[..<count])
  }

  private static func lastProblem() -> Problem {
    let code = errno
    return Problem(code: code, reason: String(cString: strerror(code)))
  }
}
