package import Kernel
package import NIOCore

/// Somebody who was recognised, with what they may still do: kept, so that their next request asks nobody.
package final class Caller: Sendable {
  /// Who it is.
  package let principal: Principal
  /// The limits that hold; all of them let a request in, or none does.
  package let allowances: [Allowance]
  /// When the key or token ends; nil for never.
  package let expiry: NIODeadline?

  /// Makes a caller.
  package init(principal: Principal, allowances: [Allowance] = [], expiry: NIODeadline? = nil) {
    self.principal = principal
    self.allowances = allowances
    self.expiry = expiry
  }

  /// What the limits say to a request.
  enum Entry: Sendable {
    case entered(Standing?)
    case refused(Failure, Standing?)
    case mustAsk
  }

  /// Lets one request in, or says why not. What has entered must `leave`.
  func enter() -> Entry {
    let now = Allowance.now
    var tightest: Standing?
    for (position, allowance) in allowances.enumerated() {
      let (decision, standing) = allowance.enter(now: now)
      if let standing, standing.remaining <= tightest?.remaining ?? .max { tightest = standing }
      if decision == .entered { continue }
      for entered in allowances[..<position] { entered.takeBack(enteredAt: now) }
      switch decision {
      case .entered, .mustAsk: return .mustAsk
      case .tooMany: return .refused(Self.tooMany(standing), standing)
      case .tooManyAtOnce: return .refused(Self.tooManyAtOnce(allowance.limits), tightest)
      }
    }
    return .entered(tightest)
  }

  /// A request that entered has ended.
  func leave() {
    for allowance in allowances { allowance.leave() }
  }

  /// How often one request asks for a lease before it is refused: others may take what came.
  private static let rounds = 8

  /// Lets one request in once the replicas' shared count has been asked, or says why not.
  func enterAfterAsking() async -> Entry {
    for _ in 0..<Self.rounds {
      let entry = enter()
      guard case .mustAsk = entry else { return entry }
      for allowance in allowances { await allowance.askIfNeeded() }
    }
    return .refused(Self.tooMany(nil), nil)
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
