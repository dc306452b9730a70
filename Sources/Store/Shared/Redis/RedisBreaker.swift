/// Whether commands are sent at all on a connection that stands: not while Redis does not answer in time.
///
/// It opens after a few missed deadlines in a row. One probe at a time then finds out whether to close it again.
struct RedisBreaker {
  /// What follows.
  enum Change {
    case none
    /// Refuse commands, and send a probe.
    case open
    /// Send the next probe.
    case probe
    /// Take commands again.
    case close
  }

  /// How many deadlines in a row may be missed before it opens.
  static let maxMissed = 3

  private(set) var isOpen = false
  private var missedInARow = 0

  mutating func missed() -> Change {
    missedInARow += 1
    guard !isOpen, missedInARow >= Self.maxMissed else { return .none }
    isOpen = true
    return .open
  }

  mutating func answered() {
    missedInARow = 0
  }

  mutating func probeReturned(isInTime: Bool) -> Change {
    guard isOpen else { return .none }
    guard isInTime else { return .probe }
    isOpen = false
    missedInARow = 0
    return .close
  }
}
