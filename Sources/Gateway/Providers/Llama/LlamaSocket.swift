import Foundation
import Kernel

/// The UNIX socket that a local model server listens on: nothing outside this machine and this user can reach it.
struct LlamaSocket: Sendable {
  /// The longest path that fits into `sockaddr_un` on Linux: 108 bytes with the terminating zero.
  static let longestPath = 107

  let path: String
  private let temporaryFolder: String?

  /// Makes room for a socket at `data_dir/run/NAME-PID.sock`, or in a folder under `/tmp` when that is too long a path.
  ///
  /// - Throws: `unavailable` when the folder cannot be made.
  init(name: String, dataDirectory: String) throws(Failure) {
    let file = "\(name)-\(getpid()).sock"
    let folder = Self.folder(in: dataDirectory)
    if "\(folder)/\(file)".utf8.count <= Self.longestPath {
      try Self.makePrivateFolder(folder)
      (path, temporaryFolder) = ("\(folder)/\(file)", nil)
      unlink(path)  // the one before left it, when it was killed
      return
    }
    var template = Array("/tmp/apus-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Self.failure("make a folder under /tmp") }
    let temporary = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    (path, temporaryFolder) = ("\(temporary)/\(getpid()).sock", temporary)
  }

  /// Removes the socket, which its server leaves behind, and the folder that was made for it alone.
  func remove() {
    unlink(path)
    if let temporaryFolder { rmdir(temporaryFolder) }
  }

  /// Removes the sockets that processes of Apus left behind which are no more.
  static func removeStale(dataDirectory: String) {
    let folder = folder(in: dataDirectory)
    // No folder, nothing to remove.
    for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where file.hasSuffix(".sock") {
      guard let pid = file.dropLast(5).split(separator: "-").last.flatMap({ Int32($0) }), pid > 0 else { continue }
      if kill(pid, 0) != 0, errno == ESRCH { unlink("\(folder)/\(file)") }
    }
  }

  private static func folder(in dataDirectory: String) -> String { "\(dataDirectory)/run" }

  private static func makePrivateFolder(_ folder: String) throws(Failure) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw Failure(.unavailable, "cannot make the folder \(folder); may Apus write there?", cause: "\(error)")
    }
    guard chmod(folder, 0o700) == 0 else { throw failure("make \(folder) private") }
  }

  private static func failure(_ what: String) -> Failure {
    Failure(.unavailable, "cannot \(what): \(String(cString: strerror(errno)))")
  }
}
