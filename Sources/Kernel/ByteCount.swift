/// A number of bytes, written `256MiB` in the configuration (powers of 1,024: `KiB`, `MiB`, `GiB`).
package struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The number itself.
  package var bytes: Int

  /// Makes a size of `bytes` bytes.
  package init(_ bytes: Int) {
    self.bytes = bytes
  }

  /// So many times 1,024 bytes.
  package static func kibibytes(_ count: Int) -> ByteCount { ByteCount(count << 10) }
  /// So many times 1,048,576 bytes.
  package static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }

  package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

  package var description: String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes != 0 && bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)B"
  }
}
