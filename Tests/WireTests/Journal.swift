import Synchronization

/// What happened, in order, written down by whatever thread saw it, and a way to wait for more.
///
/// One test waits at a time. Waiting ends with the test's time limit, which cancels its task.
final class Journal<Entry: Sendable>: Sendable {
  private let written = Mutex<[Entry]>([])
  private let ticks: AsyncStream<Void>
  private let tick: AsyncStream<Void>.Continuation

  init() {
    // One tick is enough: whoever waits reads all entries again.
    (ticks, tick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  var entries: [Entry] { written.withLock { $0 } }

  func write(_ entry: Entry) {
    written.withLock { $0.append(entry) }
    tick.yield()
  }

  /// Returns the entries as soon as they suffice.
  @discardableResult
  func wait(until suffices: ([Entry]) -> Bool) async throws -> [Entry] {
    while true {
      let entries = entries
      if suffices(entries) { return entries }
      var iterator = ticks.makeAsyncIterator()
      guard await iterator.next() != nil else { throw CancellationError() }
    }
  }
}
