/// What was asked of a connection about channels, and what the server has confirmed: pure.
///
/// Confirmations come in the order of what was asked, so that counting is enough to tell the last from those before.
struct SubscriptionLedger {
  private struct Entry {
    /// What was asked last: to subscribe, or to leave.
    var isWanted: Bool
    var unconfirmedCount = 1
  }

  private var entries: [String: Entry] = [:]

  /// Whether messages of the channel come for certain.
  func isInPlace(_ channel: String) -> Bool {
    guard let entry = entries[channel] else { return false }
    return entry.isWanted && entry.unconfirmedCount == 0
  }

  /// Somebody wants the channel; true when that has to be asked for.
  mutating func want(_ channel: String) -> Bool {
    if entries[channel]?.isWanted == true { return false }
    ask(channel, isWanted: true)
    return true
  }

  /// Nobody wants the channel any more; true when that has to be said.
  mutating func leave(_ channel: String) -> Bool {
    guard entries[channel]?.isWanted == true else { return false }
    ask(channel, isWanted: false)
    return true
  }

  /// The server confirmed something about the channel; true when the subscription is in place now.
  mutating func confirm(_ channel: String) -> Bool {
    guard var entry = entries[channel], entry.unconfirmedCount > 0 else { return false }
    entry.unconfirmedCount -= 1
    let isGone = entry.unconfirmedCount == 0 && !entry.isWanted
    entries[channel] = isGone ? nil : entry
    return isInPlace(channel)
  }

  /// The connection is gone, and with it all of it.
  mutating func removeAll() {
    entries = [:]
  }

  private mutating func ask(_ channel: String, isWanted: Bool) {
    let before = entries[channel]?.unconfirmedCount ?? 0
    entries[channel] = Entry(isWanted: isWanted, unconfirmedCount: before + 1)
  }
}
