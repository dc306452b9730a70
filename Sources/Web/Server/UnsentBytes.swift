import NIOCore

/// Tells a client that takes its answer slowly from one that takes nothing.
struct UnsentBytes {
  /// What the client had not taken at the last look.
  private var count = 0

  /// Looks again; returns whether the client took something since the last look.
  @discardableResult
  mutating func look(at channel: any Channel) -> Bool {
    let before = count
    // Every channel of a server has this option; a closed one has nothing to send.
    count = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    return count < before
  }
}
