import Dispatch

/// A gate for threads that may block: closed until it is opened, for one that waits.
package final class Latch: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  /// A closed latch.
  package init() {}

  /// Opens it.
  package func open() {
    semaphore.signal()
  }

  /// Blocks until it is open, for 20 s at most.
  package func wait() throws {
    guard semaphore.wait(timeout: .now() + 20) == .success else { throw TimeIsUp(waitingFor: "a latch") }
  }
}
