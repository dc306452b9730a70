package import Kernel

/// A lock that this process holds, for a while.
package struct SharedLock: Sendable {
  /// What is locked.
  package let name: String
  /// 128 random bits: only who knows them may release the lock or make it last.
  let token: [UInt8]
  private let memory: SharedMemory

  init(name: String, in memory: SharedMemory) {
    self.name = name
    self.memory = memory
    var random = SystemRandomNumberGenerator()
    token = Array("\(String(random.next(), radix: 16))-\(String(random.next(), radix: 16))".utf8)
  }

  /// Gives it up; false when it was not held any more, whoever may hold it now.
  @discardableResult
  package func release() async throws(Failure) -> Bool {
    try await memory.release(self)
  }

  /// Lets it last for a lifetime from now on; false when it was not held any more.
  package func extend(for lifetime: Duration) async throws(Failure) -> Bool {
    try await memory.extend(self, for: lifetime)
  }
}
