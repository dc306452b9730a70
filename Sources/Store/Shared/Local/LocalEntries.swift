/// Entries that end at a moment of their own, so many and so heavy at most: the soonest to end makes room for another.
///
/// Moments are milliseconds of a clock that the caller reads. An entry that has ended is not seen any more, and is
/// swept out a few at a time, by whoever comes next.
struct LocalEntries {
  enum Value: Equatable {
    case bytes([UInt8])
    case window(LeaseWindow)

    var byteCount: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .window(let window): window.byteCount
      }
    }
  }

  private struct Entry {
    var key = ""
    var value = Value.bytes([])
    var end = 0
    var byteCount = 0
    /// Where it stands in `order`.
    var position = 0
  }

  /// What an entry weighs besides its key and its value: its places in the tables, roughly.
  static let overheadBytes = 128
  /// How many that have ended one caller sweeps out at most.
  static let sweptAtOnce = 16

  private let maxCount: Int
  private let maxBytes: Int
  private var entries: [Entry] = []
  private var unused: [Int] = []
  private var places: [String: Int] = [:]
  /// Places of entries as a binary heap: the soonest to end is first.
  private var order: [Int] = []
  private(set) var byteCount = 0

  init(maxCount: Int, maxBytes: Int) {
    self.maxCount = maxCount
    self.maxBytes = maxBytes
  }

  /// How many there are, those that have ended and are not swept out yet among them.
  var count: Int { places.count }

  /// What there is at a key, and when it ends.
  func find(_ key: String, at now: Int) -> (value: Value, end: Int)? {
    guard let place = places[key], entries[place].end > now else { return nil }
    return (entries[place].value, entries[place].end)
  }

  /// Whether an entry can be kept at all.
  func hasRoom(for key: String, _ value: Value) -> Bool {
    Self.weight(key, value) <= maxBytes
  }

  /// Puts a value in its place, until `end`; others make room for it.
  mutating func put(_ key: String, _ value: Value, until end: Int, at now: Int) {
    sweep(at: now)
    remove(key)
    let weight = Self.weight(key, value)
    while let soonest = order.first, count >= maxCount || byteCount + weight > maxBytes { remove(at: soonest) }
    let place = unused.popLast() ?? entries.endIndex
    if place == entries.endIndex { entries.append(Entry()) }
    entries[place] = Entry(key: key, value: value, end: end, byteCount: weight, position: order.count)
    places[key] = place
    byteCount += weight
    order.append(place)
    rise(from: order.count - 1)
  }

  /// Moves the end of an entry that is there.
  mutating func move(_ key: String, to end: Int) {
    guard let place = places[key] else { return }
    entries[place].end = end
    rise(from: entries[place].position)
    sink(from: entries[place].position)
  }

  /// Forgets an entry, whether it has ended or not.
  mutating func remove(_ key: String) {
    if let place = places[key] { remove(at: place) }
  }

  /// Forgets some of those that have ended.
  mutating func sweep(at now: Int) {
    for _ in 0..<Self.sweptAtOnce {
      guard let soonest = order.first, entries[soonest].end <= now else { return }
      remove(at: soonest)
    }
  }

  private static func weight(_ key: String, _ value: Value) -> Int {
    key.utf8.count + value.byteCount + overheadBytes
  }

  private mutating func remove(at place: Int) {
    let entry = entries[place]
    entries[place] = Entry()
    unused.append(place)
    places[entry.key] = nil
    byteCount -= entry.byteCount
    let last = order.removeLast()
    guard last != place else { return }
    order[entry.position] = last
    entries[last].position = entry.position
    rise(from: entry.position)
    sink(from: entries[last].position)
  }

  // MARK: The heap

  private func endsSooner(_ left: Int, _ right: Int) -> Bool {
    entries[order[left]].end < entries[order[right]].end
  }

  private mutating func rise(from start: Int) {
    var position = start
    while position > 0, endsSooner(position, (position - 1) / 2) {
      swap(position, (position - 1) / 2)
      position = (position - 1) / 2
    }
  }

  private mutating func sink(from start: Int) {
    var position = start
    while true {
      var soonest = position
      for child in [2 * position + 1, 2 * position + 2] where child < order.count && endsSooner(child, soonest) {
        soonest = child
      }
      guard soonest != position else { return }
      swap(position, soonest)
      position = soonest
    }
  }

  private mutating func swap(_ left: Int, _ right: Int) {
    order.swapAt(left, right)
    entries[order[left]].position = left
    entries[order[right]].position = right
  }
}
