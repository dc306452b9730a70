/// When to fetch a key set, and which key to use meanwhile.
///
/// Pure: it fetches nothing and reads no clock; `KeySetSource` does that for it. Times are whole seconds since 1970.
struct KeySetState: Sendable {
  /// What to do about a token. `fetch` asks for a fetch to begin now; else one may be under way.
  enum Step: Sendable {
    case use(VerificationKey, fetch: Bool)
    /// Ask again, as one that has waited, when the fetch has ended.
    case wait(fetch: Bool)
    /// No key of the set is the token's.
    case refuse
    /// Whether it is good cannot be known before so many seconds have passed.
    case unavailable(retryAfter: Int64)
  }

  /// From the start of one fetch to the next, whatever tokens ask for.
  static let fetchInterval: Int64 = 10
  /// A set is used for so long before it is asked for again, when the answer does not say.
  static let usualLifetime: Int64 = 3600
  /// What an answer may say.
  static let lifetimes: ClosedRange<Int64> = 300...86_400
  /// How long a set is used after it has run out, while it cannot be fetched.
  static let staleLimit: Int64 = 86_400

  private struct Known {
    var set: KeySet
    var fetchedAt: Int64
    var lifetime: Int64
  }

  private var known: Known?
  private var isFetching = false
  private var hasFailed = false
  private var lastFetch: Int64?

  /// Knows nothing yet.
  init() {}

  /// What to do about a token with this header at `now`. One that has waited for a fetch does not wait again.
  mutating func step(for header: TokenHeader, at now: Int64, hasWaited: Bool = false) -> Step {
    forgetWhatIsTooOld(at: now)
    guard let known else {
      return hasWaited ? .unavailable(retryAfter: pause(at: now)) : waitOr(.unavailable(retryAfter: 0), at: now)
    }
    let age = now - known.fetchedAt
    // A set that ran out unused may hold a key that was withdrawn since: it serves only when no newer one can be had.
    // An age below zero is a clock that was set back: then nobody knows how old the set is.
    if !(0..<known.lifetime).contains(age), !hasFailed, !hasWaited {
      return waitOr(.unavailable(retryAfter: 0), at: now)
    }
    switch known.set.find(header) {
    case .one(let key):
      let isDue = !(0..<known.lifetime / 5 * 4).contains(age)
      return .use(key, fetch: isDue && !hasWaited && begin(at: now))
    case .several: return .refuse
    case .none:
      // While the issuer cannot be asked, a key that was made since then is not known to be a wrong one.
      let verdict = hasFailed ? Step.unavailable(retryAfter: pause(at: now)) : .refuse
      return hasWaited ? verdict : waitOr(verdict, at: now)
    }
  }

  /// Whether a fetch shall begin now; from then on one is under way, until it is reported.
  mutating func begin(at now: Int64) -> Bool {
    guard !isFetching, pause(at: now) == 0 else { return false }
    (isFetching, lastFetch) = (true, now)
    return true
  }

  /// A fetch has brought a set; `lifetime` is what the answer said.
  mutating func fetched(_ set: KeySet, lifetime: Int64?, at now: Int64) {
    let lifetime = min(max(lifetime ?? Self.usualLifetime, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
    known = Known(set: set, fetchedAt: now, lifetime: lifetime)
    (isFetching, hasFailed) = (false, false)
  }

  /// A fetch has brought nothing.
  mutating func failed() {
    (isFetching, hasFailed) = (false, true)
  }

  // MARK: What the rules share

  private mutating func waitOr(_ verdict: Step, at now: Int64) -> Step {
    if isFetching { return .wait(fetch: false) }
    if begin(at: now) { return .wait(fetch: true) }
    if case .unavailable = verdict { return .unavailable(retryAfter: pause(at: now)) }
    return verdict
  }

  /// The seconds until a fetch may begin. A clock that was set back does not stretch them.
  private func pause(at now: Int64) -> Int64 {
    guard let lastFetch, now >= lastFetch else { return 0 }
    return max(0, lastFetch + Self.fetchInterval - now)
  }

  private mutating func forgetWhatIsTooOld(at now: Int64) {
    guard let known, now - known.fetchedAt >= known.lifetime + Self.staleLimit else { return }
    self.known = nil
  }
}
