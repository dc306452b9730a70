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

  /// Asks. It throws when no answer came in time.
  package var ask: @Sendable (Question) async throws -> Grant
  /// Whether the shared count cannot be reached at all, as opposed to one answer that was late.
  package var isDown: @Sendable () -> Bool

  /// A source that asks by `ask`.
  package init(
    ask: @escaping @Sendable (Question) async throws -> Grant, isDown: @escaping @Sendable () -> Bool
  ) {
    self.ask = ask
    self.isDown = isDown
  }
}

/// What one user or key has used; shared by all their requests in this process, whatever limits these have.
package final class Allowance: Sendable {
  /// Whose it is: the same text on every replica.
  package let subject: String
  private let source: LeaseSource?
  private let state: Mutex<AllowanceState>
  /// The question that is under way; it tells whether an answer came.
  private let flight = Mutex<Task<Bool, Never>?>(nil)
  /// Whether somebody looks after a lease that may lapse unspent.
  private let isWatched = Atomic<Bool>(false)

  /// An allowance of which nothing is used; with a `source`, replicas count together.
  package init(subject: String, source: LeaseSource?) {
    self.subject = subject
    self.source = source
    state = Mutex(AllowanceState(isShared: source != nil))
  }

  /// Milliseconds of the clock that all allowances use.
  package static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

  /// How a caller with these limits stands, and how many requests run now.
  package func standing(_ limits: RequestLimits) -> (rate: Standing?, running: Int) {
    let now = Self.now
    return state.withLock { state in (limits.requestsPerMinute.map { state.standing($0, now: now) }, state.running) }
  }

  /// Whether it could be forgotten without anybody noticing.
  package var isIdle: Bool { state.withLock { $0.isIdle(now: Self.now) } }

  /// What an allowance said to one request.
  struct Entry {
    let decision: AllowanceDecision
    /// How the caller stands now; nil without a limit per minute.
    let standing: Standing?
    fileprivate let time: Int64
    fileprivate let spentLease: Bool
    fileprivate let asksAhead: Bool
  }

  /// Lets one request in, or says why not; `alone` leaves the shared count aside.
  func enter(_ limits: RequestLimits, alone: Bool) -> Entry {
    let entry = state.withLock { state in
      // The clock is read here, so that times do not go back from one request to the next.
      let now = Self.now
      let decision = state.enter(limits, alone: alone, now: now)
      let limit = limits.requestsPerMinute
      return Entry(
        decision: decision, standing: limit.map { state.standing($0, now: now) }, time: now,
        spentLease: state.lastSpentLease, asksAhead: limit.map { state.shouldAskAhead($0, now: now) } ?? false)
    }
    if entry.asksAhead, let limit = limits.requestsPerMinute { startAsking(limit) }
    return entry
  }

  func leave() { state.withLock { $0.leave() } }

  /// A request that entered is not made after all.
  func takeBack(_ entry: Entry) {
    state.withLock {
      $0.takeBack(enteredAt: entry.standing.map { _ in entry.time }, spentLease: entry.spentLease, now: Self.now)
    }
  }

  // MARK: Leases

  /// Waits until the shared count has answered, where it has to be asked; who comes meanwhile shares the answer.
  ///
  /// - Returns: false where no answer came.
  func askIfNeeded(_ limits: RequestLimits) async -> Bool {
    guard let limit = limits.requestsPerMinute, state.withLock({ $0.needsLease(limit, now: Self.now) }) else {
      return true
    }
    state.withLock { $0.wait() }
    defer { state.withLock { $0.stopWaiting() } }
    return await startAsking(limit).value
  }

  @discardableResult
  private func startAsking(_ limit: Int) -> Task<Bool, Never> {
    flight.withLock { flight in
      if let flight { return flight }
      let task = Task {
        let isAnswered = await self.ask(limit)
        self.flight.withLock { $0 = nil }
        return isAnswered
      }
      flight = task
      return task
    }
  }

  private func ask(_ limit: Int) async -> Bool {
    let sent = Self.now
    guard let source, let want = state.withLock({ $0.ask(limit, now: sent) }) else { return true }
    do {
      let grant = try await source.ask(question(limit, wanted: want.wanted, returned: want.returned))
      let isAhead = state.withLock {
        $0.take(grant, of: want.wanted, below: limit, sent: sent, now: Self.now)
        return $0.isAhead
      }
      if isAhead { giveBackLater(to: source, limit) }
      return true
    } catch {
      // Which trouble it is, the shared memory says and counts itself. One late answer opens nothing: it is asked
      // again.
      let isDown = source.isDown()
      state.withLock { $0.failed(isDown: isDown, now: Self.now) }
      return false
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
  private func giveBackLater(to source: LeaseSource, _ limit: Int) {
    guard isWatched.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
    Task { [weak self] in
      repeat {
        // It throws when the task is cancelled, which nobody does.
        try? await Task.sleep(for: .milliseconds(AllowanceState.leaseLifetime + 50))
      } while await self?.giveBack(to: source, limit) ?? false
      self?.isWatched.store(false, ordering: .relaxed)
    }
  }

  /// Gives back what has lapsed; whether there is still something that may.
  private func giveBack(to source: LeaseSource, _ limit: Int) async -> Bool {
    let vain = state.withLock { $0.vain(now: Self.now) }
    // What fails here counts for a minute, as if it had been spent.
    if !vain.isEmpty { _ = try? await source.ask(question(limit, wanted: 0, returned: vain)) }
    return state.withLock { $0.hasLease }
  }
}
