/// What one caller may do per minute and at once; nil is without limit.
package struct RequestLimits: Sendable, Equatable {
  /// Requests in any sliding minute.
  package var requestsPerMinute: Int?
  /// Requests that run at the same time, in this process.
  package var concurrentRequests: Int?

  /// Makes limits.
  package init(requestsPerMinute: Int? = nil, concurrentRequests: Int? = nil) {
    self.requestsPerMinute = requestsPerMinute
    self.concurrentRequests = concurrentRequests
  }

  /// Whether nothing is limited.
  package var areNone: Bool { requestsPerMinute == nil && concurrentRequests == nil }
}

/// How a caller stands with its limit per minute: what the `x-ratelimit-*` headers say.
package struct Standing: Sendable, Equatable {
  /// Requests in any sliding minute.
  package var limit: Int
  /// How many more are possible now, as far as this process knows.
  package var remaining: Int
  /// Milliseconds until there is room for another; zero while there is.
  package var waitMilliseconds: Int64
  /// Milliseconds until all of the limit is there again.
  package var resetMilliseconds: Int64
}

/// What one allowance answers to one request.
package enum AllowanceDecision: Sendable, Equatable {
  case entered
  /// So many in a minute were there.
  case tooMany
  /// So many at once are running.
  case tooManyAtOnce
  /// The replicas' shared count has to be asked first.
  case mustAsk
}

/// The rules of one caller's allowance; pure, with the time given in milliseconds of a clock that never goes back.
///
/// Alone, a process counts in its own sliding window, exactly. Several replicas also lease from a shared count: what is
/// leased was counted there when it was granted, is spent within `leaseLifetime`, and stays counted for a minute and
/// that lifetime; so all replicas together stay within the limit in any minute, too. While the shared count cannot be
/// reached, each replica holds its callers to the whole limit by itself.
package struct AllowanceState: Sendable {
  /// The window of "per minute". Times are cut to milliseconds: one more makes sure that no minute is shorter.
  package static let minute: Int64 = 60_001
  /// How long a leased request may be spent; unspent ones are given back with the next lease.
  package static let leaseLifetime: Int64 = 1000
  /// How long after a failure the shared count is left alone.
  static let outage: Int64 = 1000

  /// One batch that was leased.
  struct Batch: Equatable {
    var left: Int
    let bucket: Int64
    let expiry: Int64
  }

  /// Whether replicas count together.
  let isShared: Bool
  private(set) var running = 0
  /// Whether the last request that entered spent one that was leased.
  private(set) var lastSpentLease = false
  private var window = SlidingWindow(length: Self.minute)
  private var batches: [Batch] = []
  private var returns: [(bucket: Int64, count: Int)] = []
  /// Requests that wait for the lease that is asked for.
  private var waiting = 0
  private(set) var isAsking = false
  /// When the shared count may have room again below `fullLimit`.
  private var fullUntil: Int64 = 0
  private var fullLimit = 0
  private var localUntil: Int64 = 0
  /// What was spent since the last lease, and when that was: the size of the next one.
  private var spent = 0
  private var lastLease: Int64 = 0

  /// Nothing used yet.
  package init(isShared: Bool) {
    self.isShared = isShared
  }

  // MARK: Requests

  /// Lets one request in, or says why not. What has entered must `leave`.
  ///
  /// `alone` leaves the shared count aside: for a request that asked it in vain.
  package mutating func enter(_ limits: RequestLimits, alone: Bool = false, now: Int64) -> AllowanceDecision {
    lastSpentLease = false
    if let most = limits.concurrentRequests, running >= most { return .tooManyAtOnce }
    if let most = limits.requestsPerMinute {
      let needsLease = isShared && now >= localUntil && !alone
      if needsLease {
        guard !isFull(most, now) else { return .tooMany }
        dropExpired(now)
        if batches.isEmpty { return window.wait(for: most, now: now) > 0 ? .tooMany : .mustAsk }
      }
      guard window.take(most, now: now) else { return .tooMany }
      if needsLease { spend() }
    }
    running += 1
    return .entered
  }

  /// A request that entered has ended.
  package mutating func leave() {
    running = max(0, running - 1)
  }

  /// A request that entered at `time` is not made after all: another of its limits stood in its way.
  ///
  /// `time` is when it was counted in the minute; nil where it was not.
  package mutating func takeBack(enteredAt time: Int64?, spentLease: Bool, now: Int64) {
    leave()
    if let time { window.giveBack(takenAt: time) }
    guard spentLease, let batch = batches.indices.last, batches[batch].expiry > now else { return }
    batches[batch].left += 1
  }

  /// How a caller stands who may make so many requests per minute.
  package mutating func standing(_ limit: Int, now: Int64) -> Standing {
    let wait = max(window.wait(for: limit, now: now), isFull(limit, now) ? fullUntil - now : 0)
    return Standing(
      limit: limit, remaining: wait > 0 ? 0 : max(0, limit - window.count), waitMilliseconds: wait,
      resetMilliseconds: max(min(window.reset(now: now), 60_000), wait))
  }

  /// Whether it could be forgotten without anybody noticing.
  package mutating func isIdle(now: Int64) -> Bool {
    running == 0 && waiting == 0 && !isAsking && window.reset(now: now) == 0 && now >= fullUntil
  }

  // MARK: Leases

  /// Whether the next request would have to ask.
  mutating func needsLease(_ limit: Int, now: Int64) -> Bool {
    dropExpired(now)
    return isShared && batches.isEmpty && now >= localUntil && !isFull(limit, now)
  }

  /// One more request waits for a lease.
  mutating func wait() { waiting += 1 }

  /// One fewer does.
  mutating func stopWaiting() { waiting -= 1 }

  /// What to lease now, and what to give back with it; nil while that is asked already.
  mutating func ask(_ limit: Int, now: Int64) -> (wanted: Int, returned: [(bucket: Int64, count: Int)])? {
    guard !isAsking else { return nil }
    isAsking = true
    dropExpired(now)
    // As many as came in the last second, but of a rare resource no more than a tenth in advance.
    let elapsed = max(1, now - lastLease)
    let pace = min(Int(Int64(spent) * Self.leaseLifetime / elapsed), limit / 10)
    defer { returns = [] }
    return (min(limit, max(waiting, pace, 1)), returns)
  }

  /// What the shared count answered to a question of `sent` for `wanted` below `limit`.
  mutating func take(_ grant: LeaseSource.Grant, of wanted: Int, below limit: Int, sent: Int64, now: Int64) {
    isAsking = false
    lastLease = now
    spent = 0
    if grant.count > 0 {
      batches.append(Batch(left: grant.count, bucket: grant.bucket, expiry: sent + Self.leaseLifetime))
    } else if wanted > 0 {
      fullUntil = now + max(1, grant.retryMilliseconds)
      fullLimit = limit
    }
  }

  /// Whether more is leased than waits: then some of it may lapse.
  var isAhead: Bool { batches.reduce(0) { $0 + $1.left } > waiting }

  /// Whether something that is leased may lapse unspent.
  var hasLease: Bool { !batches.isEmpty }

  /// What was leased in vain, to give back though nothing is wanted; empty while there is a question under way.
  mutating func vain(now: Int64) -> [(bucket: Int64, count: Int)] {
    guard !isAsking else { return [] }
    dropExpired(now)
    defer { returns = [] }
    return returns
  }

  /// No answer came. Where the shared count is down, this process counts alone for a while.
  mutating func failed(isDown: Bool = true, now: Int64) {
    isAsking = false
    if isDown { localUntil = now + Self.outage }
  }

  /// Whether it is time to lease more, though some is left.
  func shouldAskAhead(_ limit: Int, now: Int64) -> Bool {
    guard isShared, !isAsking, now >= localUntil, !isFull(limit, now), let batch = batches.last else { return false }
    return batches.count == 1 && spent >= 4 && batch.left <= spent / 4
  }

  private func isFull(_ limit: Int, _ now: Int64) -> Bool { now < fullUntil && limit <= fullLimit }

  private mutating func spend() {
    spent += 1
    lastSpentLease = true
    batches[0].left -= 1
    if batches[0].left == 0 { batches.removeFirst() }
  }

  private mutating func dropExpired(_ now: Int64) {
    guard let batch = batches.first, batch.expiry <= now else { return }
    for batch in batches where batch.expiry <= now { returns.append((batch.bucket, batch.left)) }
    batches.removeAll { $0.expiry <= now }
  }
}
