import Accounts
import Glibc
import Kernel

/// The first key, for whoever starts Apus without having configured any: made once, in a file for its owner alone.
enum AdminKey {
  /// Makes the file in `data_dir` if it is not there, and reads the key.
  ///
  /// - Throws: `internalError` when the file cannot be made, read, or is readable by others.
  static func ensure(in dataDirectory: String) throws(Failure) -> (key: Secret, path: String) {
    let path = dataDirectory + "/admin.key"
    try makeFolder(dataDirectory)
    if access(path, F_OK) != 0 { try make(path) }
    return (try read(path), path)
  }

  /// Writes the key aside and gives it its name when it is whole: of two first starts at once, one wins.
  private static func make(_ path: String) throws(Failure) {
    let draft = "\(path).\(getpid())"
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("cannot be made", path) }
    defer {
      close(file)
      unlink(draft)
    }
    let text = KeyText.fresh + "\n"
    guard write(file, text, text.utf8.count) == text.utf8.count, fsync(file) == 0 else {
      throw failure("cannot be written", path)
    }
    guard link(draft, path) == 0 || errno == EEXIST else { throw failure("cannot be made", path) }
  }

  private static func makeFolder(_ path: String) throws(Failure) {
    var partial = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      partial += "/" + part
      if mkdir(partial, 0o700) != 0 && errno != EEXIST { throw failure("cannot be made", partial) }
    }
  }

  private static func read(_ path: String) throws(Failure) -> Secret {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else { throw failure("cannot be read", path) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw Failure(
        .internalError,
        "\(path) must belong to the user that runs Apus and be readable by nobody else: chmod 600 \(path)")
    }
    var bytes = [UInt8](repeating: 0, count: 256)
    let length = Glibc.read(file, &bytes, bytes.count)
    let key = String(decoding: bytes.prefix(max(0, length)), as: UTF8.self).split(separator: "\n").first ?? ""
    guard key.utf8.count >= 32 else {
      throw Failure(.internalError, "\(path) holds no key of at least 32 characters: remove it to get a new one")
    }
    return Secret(String(key))
  }

  private static func failure(_ what: String, _ path: String) -> Failure {
    Failure(.internalError, "\(path) \(what): \(String(cString: strerror(errno)))")
  }
}
