import NIOCore
import Synchronization

/// Asks the count that replicas share for more of a caller's limit.
package struct LeaseSource: Sendable {
  /// What the shared count answered.
  package struct Grant: Sendable {
    /// How many requests may be let in.
    package var count: Int
    /// Where they were counted, for giving some back.
    package var bucket: Int64
    /// Milliseconds until there is room for more, when fewer were granted than asked for.
    package var retryMilliseconds: Int64

    /// Makes a grant.
    package init(count: Int, bucket: Int64, retryMilliseconds: Int64) {
      self.count = count
      self.bucket = bucket
      self.retryMilliseconds = retryMilliseconds
    }
  }

  /// What is asked for: whose limit, how much it is, how many requests are wanted and which ones come back unspent.
  package struct Question: Sendable {
    /// Whose limit it is.
    package var subject: String
    /// Requests in a window of `windowMilliseconds`.
    package var limit: Int
    /// The minute, and the time in which a lease may be spent.
    package var windowMilliseconds: Int64
    /// How many requests are wanted.
    package var wanted: Int
    /// Unspent requests of earlier leases, by where they were counted.
    package var returned: [(bucket: Int64, count: Int)]
  }

  /// Asks. It throws when the shared count cannot be reached.
  package var ask: @Sendable (Question) async throws -> Grant

  /// A source that asks by `ask`.
  package init(ask: @escaping @Sendable (Question) async throws -> Grant) {
    self.ask = ask
  }
}

/// What one user or key may still do; shared by all their requests in this process.
package final class Allowance: Sendable {
  /// Whose it is: the same text on every replica.
  package let subject: String
  private let source: LeaseSource?
  private let state: Mutex<AllowanceState>
  private let flight = Mutex<Task<Void, Never>?>(nil)

  /// An allowance of which nothing is used; with a `source`, replicas count together.
  package init(subject: String, limits: RequestLimits, source: LeaseSource?) {
    self.subject = subject
    self.source = source
    state = Mutex(AllowanceState(limits, isShared: source != nil))
  }

  /// Milliseconds of the clock that all allowances use.
  package static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

  /// The limits of this moment; new ones hold from the next request on.
  package var limits: RequestLimits {
    get { state.withLock { $0.limits } }
    set { state.withLock { $0.limits = newValue } }
  }

  /// How it stands: the limit per minute, and what runs now.
  package var standing: (rate: Standing?, running: Int) {
    state.withLock { ($0.standing(now: Self.now), $0.running) }
  }

  /// Whether it could be forgotten without anybody noticing.
  package var isIdle: Bool { state.withLock { $0.isIdle(now: Self.now) } }

  /// Lets one request in, or says why not, and how the caller stands then.
  func enter(now: Int64) -> (decision: AllowanceDecision, standing: Standing?) {
    let (decision, standing, asksAhead) = state.withLock { state in
      (state.enter(now: now), state.standing(now: now), state.shouldAskAhead(now: now))
    }
    if asksAhead { startAsking() }
    return (decision, standing)
  }

  func leave() { state.withLock { $0.leave() } }

  func takeBack(enteredAt time: Int64) {
    state.withLock { $0.takeBack(enteredAt: time, now: Self.now) }
  }

  /// Waits until the shared count has answered, where it has to be asked; who comes meanwhile shares the answer.
  func askIfNeeded() async {
    guard state.withLock({ $0.needsLease(now: Self.now) }) else { return }
    state.withLock { $0.wait() }
    await startAsking()?.value
    state.withLock { $0.stopWaiting() }
  }

  @discardableResult
  private func startAsking() -> Task<Void, Never>? {
    flight.withLock { flight in
      if let flight { return flight }
      flight = Task {
        await self.ask()
        self.flight.withLock { $0 = nil }
      }
      return flight
    }
  }

  private func ask() async {
    let sent = Self.now
    guard let source,
      let (limits, want) = state.withLock({ state in state.ask(now: sent).map { (state.limits, $0) } }),
      let limit = limits.requestsPerMinute
    else { return }
    do {
      let grant = try await source.ask(question(limit, wanted: want.wanted, returned: want.returned))
      state.withLock {
        $0.granted(
          grant.count, of: want.wanted, bucket: grant.bucket, retryMilliseconds: grant.retryMilliseconds, sent: sent,
          now: Self.now)
      }
      if grant.count > 0 { giveBackLater(to: source) }
    } catch {
      // Which trouble it is, the shared memory says and counts itself.
      state.withLock { $0.failed(now: Self.now) }
    }
  }

  private func question(
    _ limit: Int, wanted: Int, returned: [(bucket: Int64, count: Int)]
  ) -> LeaseSource.Question {
    LeaseSource.Question(
      subject: subject, limit: limit, windowMilliseconds: AllowanceState.minute + AllowanceState.leaseLifetime,
      wanted: wanted, returned: returned)
  }

  /// What nobody spends of a lease is free for other replicas as soon as it has ended.
  private func giveBackLater(to source: LeaseSource) {
    Task { [weak self] in
      // It throws when the task is cancelled, which nobody does.
      try? await Task.sleep(for: .milliseconds(AllowanceState.leaseLifetime + 50))
      guard let self else { return }
      let (limits, vain) = state.withLock { ($0.limits, $0.vain(now: Self.now)) }
      guard !vain.isEmpty, let limit = limits.requestsPerMinute else { return }
      // What fails here counts for a minute, as if it had been spent.
      _ = try? await source.ask(question(limit, wanted: 0, returned: vain))
    }
  }
}
