import Glibc
import Synchronization

/// Random hexadecimal digits from the system's source, which is asked for many at once: a system call for each of a
/// request's ids would cost more than the ids.
enum RandomDigits {
  private struct Pool {
    var bytes = [UInt8](repeating: 0, count: 256)
    var used = 256
  }

  private static let pool = Mutex(Pool())

  /// So many random bytes as lower-case hexadecimal digits, never all zero.
  static func next(_ byteCount: Int) -> String {
    var bytes: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutableBytes(of: &bytes) { bytes in
      let random = UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
      repeat { fill(random) } while random.allSatisfy { $0 == 0 }
      return String(unsafeUninitializedCapacity: byteCount * 2) { output in
        for (position, byte) in random.enumerated() {
          output[position * 2] = digit(byte >> 4)
          output[position * 2 + 1] = digit(byte & 15)
        }
        return byteCount * 2
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func fill(_ output: UnsafeMutableRawBufferPointer) {
    pool.withLock { pool in
      if pool.used + output.count > pool.bytes.count {
        // It cannot fail for so few bytes of our own memory once the system has started (getentropy(3)).
        let result = getentropy(&pool.bytes, pool.bytes.count)
        precondition(result == 0, "the system has no random numbers")
        pool.used = 0
      }
      output.copyBytes(from: pool.bytes[pool.used..<(pool.used + output.count)])
      pool.used += output.count
    }
  }
}
