package import NIOCore

/// Adds up the time in which Apus itself works on one request: from the moment when bytes of the client or the provider
/// are at hand to the moment when the system has what follows from them. Waiting is not work.
package struct WorkClock: Sendable {
  /// When the work that goes on began; nil while it waits.
  private(set) var began: NIODeadline?
  private var done = TimeAmount.zero

  /// The work so far.
  package var total: TimeAmount { began.map { done + (.now() - $0) } ?? done }

  /// Work goes on, since now or since an earlier moment; nothing happens when it did already.
  package mutating func begin(_ moment: NIODeadline? = nil) {
    if began == nil { began = moment ?? .now() }
  }

  /// Adds work that was done elsewhere, while it waited here.
  package mutating func add(_ work: TimeAmount) {
    done = done + work
  }

  /// Now it waits; nothing happens when it did already.
  package mutating func pause() {
    done = total
    began = nil
  }
}
