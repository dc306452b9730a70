import Kernel

extension Failure {
  /// The one failure of `SharedMemory`; why is for the log alone.
  static func sharedMemoryUnavailable(
    _ cause: String, file: StaticString = #fileID, line: UInt = #line
  ) -> Failure {
    Failure(
      .unavailable, reason: "shared_memory_unavailable", "The shared memory does not answer.", cause: cause, file: file,
      line: line)
  }
}

extension Duration {
  /// A lifetime in whole milliseconds, rounded up: from 1 ms to a hundred years.
  var lifetimeMilliseconds: Int {
    let century: Int64 = 100 * 366 * 86_400
    guard components.seconds < century else { return Int(century) * 1000 }
    let milliseconds =
      components.seconds * 1000 + (components.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(1, Int(milliseconds))
  }
}
