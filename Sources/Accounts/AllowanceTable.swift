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

  /// What a subject has used, as far as it matters to somebody with these limits: nil where nothing is limited.
  func allotment(for subject: String, _ limits: RequestLimits) -> Allotment? {
    guard !limits.areNone else { return nil }
    return state.withLock { state in
      if let allowance = state.allowances[subject] { return Allotment(limits, of: allowance) }
      if state.allowances.count >= state.sweepAt { Self.sweep(&state) }
      let allowance = Allowance(subject: subject, source: source)
      state.allowances[subject] = allowance
      return Allotment(limits, of: allowance)
    }
  }

  /// An idle one has nothing to remember. One that a caller still holds stays: another would count anew.
  private static func sweep(_ state: inout State) {
    for subject in Array(state.allowances.keys) {
      guard var allowance = state.allowances.removeValue(forKey: subject) else { continue }
      if !isKnownUniquelyReferenced(&allowance) || !allowance.isIdle { state.allowances[subject] = allowance }
    }
    state.sweepAt = max(capacity, state.allowances.count * 2)
  }
}
