package import Kernel
package import NIOCore

/// A limit that holds for a caller, and what it is counted in.
package struct Allotment: Sendable {
  /// What the caller may do.
  package let limits: RequestLimits
  /// What has been used, by this caller and by others who share it.
  package let allowance: Allowance

  /// Makes an allotment.
  package init(_ limits: RequestLimits, of allowance: Allowance) {
    self.limits = limits
    self.allowance = allowance
  }
}

/// Somebody who was recognised, with what they may still do: kept, so that their next request asks nobody.
package final class Caller: Sendable {
  /// Who it is.
  package let principal: Principal
  /// The limits that hold; all of them let a request in, or none does.
  package let allotments: [Allotment]
  /// When the key or token ends; nil for never.
  package let expiry: NIODeadline?

  /// Makes a caller.
  package init(principal: Principal, allotments: [Allotment] = [], expiry: NIODeadline? = nil) {
    self.principal = principal
    self.allotments = allotments
    self.expiry = expiry
  }

  /// What the limits say to a request.
  enum Entry: Sendable {
    case entered(Standing?)
    case refused(Failure, Standing?)
    case mustAsk
  }

  /// Lets one request in, or says why not. What has entered must `leave`.
  func enter(alone: Bool = false) -> Entry {
    var entered: [Allowance.Entry] = []
    for allotment in allotments {
      let entry = allotment.allowance.enter(allotment.limits, alone: alone)
      guard entry.decision != .entered else {
        entered.append(entry)
        continue
      }
      for (earlier, entry) in zip(allotments, entered) { earlier.allowance.takeBack(entry) }
      switch entry.decision {
      case .entered, .mustAsk: return .mustAsk
      case .tooMany: return .refused(Self.tooMany(entry.standing), entry.standing)
      case .tooManyAtOnce: return .refused(Self.tooManyAtOnce(allotment.limits), entry.standing)
      }
    }
    return .entered(entered.compactMap(\.standing).min { $0.remaining < $1.remaining })
  }

  /// A request that entered has ended.
  func leave() {
    for allotment in allotments { allotment.allowance.leave() }
  }

  /// How often one request asks for a lease: others may take what came.
  private static let rounds = 8
  /// How often it waits for an answer that does not come: whoever is slow to say so is as good as down.
  private static let patience = 2

  /// Lets one request in once the replicas' shared count has been asked, or says why not.
  func enterAfterAsking() async -> Entry {
    var failures = 0
    for _ in 0..<Self.rounds where failures < Self.patience {
      let entry = enter()
      guard case .mustAsk = entry else { return entry }
      for allotment in allotments where await !allotment.allowance.askIfNeeded(allotment.limits) { failures += 1 }
    }
    return enter(alone: true)
  }

  private static func tooMany(_ standing: Standing?) -> Failure {
    let wait = Duration.milliseconds(standing?.waitMilliseconds ?? 1000)
    let limit = standing.map { "The limit of \($0.limit) requests per minute is used up." } ?? "Too many requests."
    return Failure(.rateLimited, reason: "rate_limit_exceeded", limit, retryAfter: max(wait, .seconds(1)))
  }

  private static func tooManyAtOnce(_ limits: RequestLimits) -> Failure {
    Failure(
      .rateLimited, reason: "concurrency_limit_exceeded",
      "The limit of \(limits.concurrentRequests ?? 0) requests at once is reached.", retryAfter: .seconds(1))
  }
}
