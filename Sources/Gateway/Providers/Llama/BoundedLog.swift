package import Kernel

import Foundation

/// A log file that cannot fill the disk: when the next piece does not fit, the file becomes `NAME.1`, in the place of
/// the one before, and a new one is begun. Both together hold at most twice the limit.
///
/// What cannot be written, because the disk is full or the folder is gone, is dropped: a log stops nothing.
package struct BoundedLog: ~Copyable {
  private let path: String
  private let limit: Int
  private var descriptor: Int32 = -1
  private var size = 0

  /// Opens the file at `path` and appends to what it holds; nobody but its owner may read it.
  package init(path: String, limit: ByteCount = .mebibytes(8)) {
    self.path = path
    self.limit = limit.bytes
    open()
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Appends `bytes`, which are fewer than the limit.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    if size + bytes.count > limit {
      close(descriptor)
      rename(path, path + ".1")
      open()
    }
    // Were the file too full still, because it could not be renamed, writing on would break the bound.
    guard size + bytes.count <= limit else { return }
    let written = write(descriptor, bytes.baseAddress, bytes.count)
    size += max(written, 0)
  }

  private mutating func open() {
    descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    var status = stat()
    size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }
}
