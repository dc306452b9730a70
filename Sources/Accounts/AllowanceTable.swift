import Synchronization
import Web

/// The allowances of this process by their subject, so that all requests of one user or key share one.
final class AllowanceTable: Sendable {
  /// Above so many, those that nobody would miss are forgotten.
  private static let capacity = 100_000

  private struct State {
    var allowances: [String: Allowance] = [:]
    var sweepAt = AllowanceTable.capacity
  }

  private let source: LeaseSource?
  private let state = Mutex(State())

  /// An empty table; with a `source`, replicas count together.
  init(source: LeaseSource?) {
    self.source = source
  }

  /// The allowance of a subject with these limits; nil where nothing is limited.
  ///
  /// One that exists gets the limits, whoever uses it already.
  func allowance(for subject: String, _ limits: RequestLimits) -> Allowance? {
    state.withLock { state in
      if let allowance = state.allowances[subject] {
        if allowance.limits != limits { allowance.limits = limits }
        return limits.areNone ? nil : allowance
      }
      guard !limits.areNone else { return nil }
      if state.allowances.count >= state.sweepAt { Self.sweep(&state) }
      let allowance = Allowance(subject: subject, limits: limits, source: source)
      state.allowances[subject] = allowance
      return allowance
    }
  }

  /// What a subject has used, if anything is known of it.
  func known(_ subject: String) -> Allowance? { state.withLock { $0.allowances[subject] } }

  /// An idle one has nothing to remember but its limits, which come with the next caller. One that a caller still holds
  /// stays: another with the same subject would count anew.
  private static func sweep(_ state: inout State) {
    for subject in Array(state.allowances.keys) {
      guard var allowance = state.allowances.removeValue(forKey: subject) else { continue }
      if !isKnownUniquelyReferenced(&allowance) || !allowance.isIdle { state.allowances[subject] = allowance }
    }
    state.sweepAt = max(capacity, state.allowances.count * 2)
  }
}
