import Synchronization

/// A number that only grows.
package final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  /// Starts at zero.
  package init() {}

  /// Adds to it.
  package func add(_ amount: Int = 1) {
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  /// The number so far.
  package var value: Int { count.load(ordering: .relaxed) }
}

/// A number that grows and shrinks.
package final class Gauge: Sendable {
  private let level = Atomic<Int>(0)

  /// Starts at zero.
  package init() {}

  /// Adds to it, or takes away.
  package func add(_ amount: Int) {
    level.wrappingAdd(amount, ordering: .relaxed)
  }

  /// The number now.
  package var value: Int { level.load(ordering: .relaxed) }
}

/// Seconds, counted in buckets.
package final class Histogram: Sendable {
  private struct State {
    var counts: [Int]
    var sum = 0.0
  }

  /// The upper bounds of the buckets, in seconds; one more bucket is beyond them.
  package let bounds: [Double]
  private let state: Mutex<State>

  /// Counts nothing yet; `bounds` are upper ones, in seconds, ascending.
  package init(bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  /// Counts one observation, in seconds.
  package func record(_ seconds: Double) {
    var bucket = 0
    while bucket < bounds.count, seconds > bounds[bucket] { bucket += 1 }
    state.withLock {
      $0.counts[bucket] += 1
      $0.sum += seconds
    }
  }

  /// The counts by bucket (the last is for what is beyond every bound) and the sum of all observations.
  package var snapshot: (counts: [Int], sum: Double) { state.withLock { ($0.counts, $0.sum) } }
}

/// The instruments of one name, one for each combination of labels.
package final class Family<Instrument: Sendable>: Sendable {
  /// Its name in the exposition.
  package let name: String
  /// What it counts, as a sentence.
  package let help: String
  /// The names of its labels.
  package let labels: [String]
  private let make: @Sendable () -> Instrument
  private let instruments = Mutex<[[String]: Instrument]>([:])

  /// A family without instruments; `make` makes each one when it is first asked for.
  package init(_ name: String, _ help: String, labels: [String], make: @escaping @Sendable () -> Instrument) {
    self.name = name
    self.help = help
    self.labels = labels
    self.make = make
  }

  /// The instrument for these values of the labels. They come from closed sets: configured names, patterns, statuses.
  package func with(_ values: String...) -> Instrument {
    instruments.withLock { instruments in
      if let instrument = instruments[values] { return instrument }
      let instrument = make()
      instruments[values] = instrument
      return instrument
    }
  }

  /// Every instrument with its labels, in a stable order.
  package var all: [(labels: [(String, String)], instrument: Instrument)] {
    let sorted = instruments.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    return sorted.map { (labels: Array(zip(labels, $0.key)), instrument: $0.value) }
  }
}
