/// Counts what happened in the last so many milliseconds, exactly: at most `limit` in any window, wherever it begins.
///
/// Happenings of one millisecond share an entry, so that a window of a minute never needs more than 60,001 of them.
/// Times are milliseconds of a clock that never goes back.
package struct SlidingWindow: Sendable {
  private struct Entry {
    var time: Int64
    var count: Int
  }

  /// Its length in milliseconds.
  package let length: Int64
  /// How many happenings are in the window, as of the last call.
  package private(set) var count = 0
  private var entries: [Entry] = []
  private var first = 0

  /// An empty window.
  package init(length: Int64) {
    self.length = length
  }

  /// Takes one, unless `limit` of them are in the window already.
  package mutating func take(_ limit: Int, now: Int64) -> Bool {
    forget(before: now)
    guard count < limit else { return false }
    count += 1
    if let last = entries.last, last.time == now {
      entries[entries.count - 1].count += 1
    } else {
      entries.append(Entry(time: now, count: 1))
    }
    return true
  }

  /// Gives back one that was taken at `time`; nothing happens when it has left the window.
  package mutating func giveBack(takenAt time: Int64) {
    guard let index = entries.lastIndex(where: { $0.time == time }), index >= first, entries[index].count > 0 else {
      return
    }
    entries[index].count -= 1
    count -= 1
  }

  /// How long until there is room below `limit`; zero when there is some now.
  package mutating func wait(for limit: Int, now: Int64) -> Int64 {
    forget(before: now)
    var excess = count - limit
    guard excess >= 0, limit > 0 else { return limit > 0 ? 0 : length }
    for entry in entries[first...] {
      excess -= entry.count
      if excess < 0 { return entry.time + length - now }
    }
    return length
  }

  /// How long until the window is empty.
  package mutating func reset(now: Int64) -> Int64 {
    forget(before: now)
    guard count > 0, let last = entries.last else { return 0 }
    return last.time + length - now
  }

  private mutating func forget(before now: Int64) {
    while first < entries.count, entries[first].time + length <= now {
      count -= entries[first].count
      first += 1
    }
    // Moved together only when more than half is empty: each entry is moved once on average.
    if first > 32, first * 2 > entries.count {
      entries.removeFirst(first)
      first = 0
    }
  }
}
