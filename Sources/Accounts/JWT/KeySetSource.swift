import Kernel
import Logging
import Synchronization

/// The key set of one issuer: does what `KeySetState` says, and tells it what came.
final class KeySetSource: Sendable {
  private struct Guarded {
    var state = KeySetState()
    /// The newest fetch; everybody who waits, waits for this one.
    var flight: Task<Void, Never>?
  }

  private let url: String
  private let logger: Logger
  private let now: @Sendable () -> Int64
  private let guarded = Mutex(Guarded())

  /// Knows nothing yet, and fetches nothing before it is asked.
  init(url: String, logger: Logger, now: @escaping @Sendable () -> Int64) {
    self.url = url
    self.logger = logger
    self.now = now
  }

  /// Fetches the set, unless that was done a moment ago, and returns when it is there or has failed.
  func prepare() async {
    let flight = guarded.withLock { guarded in
      if guarded.state.begin(at: now()) { begin(&guarded) }
      return guarded.flight
    }
    await flight?.value
  }

  /// The key of a token with this header; nil when the set holds none, or several.
  ///
  /// Waits for one fetch at most, which ends within `KeySetDownload.limit`; never once the key is known.
  ///
  /// - Throws: `unavailable` (`jwks_unavailable`) when the set cannot be fetched and so nobody knows.
  func key(for header: TokenHeader) async throws(Failure) -> VerificationKey? {
    var (step, flight) = step(for: header, hasWaited: false)
    if case .wait = step {
      await flight?.value
      (step, flight) = self.step(for: header, hasWaited: true)
    }
    switch step {
    case .use(let key, _): return key
    case .refuse: return nil
    case .unavailable(let seconds): throw Self.unavailable(retryAfter: seconds)
    case .wait: throw Self.unavailable(retryAfter: 1)  // One that has waited is not told to.
    }
  }

  private func step(for header: TokenHeader, hasWaited: Bool) -> (KeySetState.Step, Task<Void, Never>?) {
    let time = now()
    return guarded.withLock { guarded in
      let step = guarded.state.step(for: header, at: time, hasWaited: hasWaited)
      switch step {
      case .use(_, fetch: true), .wait(fetch: true): begin(&guarded)
      default: break
      }
      return (step, guarded.flight)
    }
  }

  private func begin(_ guarded: inout Guarded) {
    guarded.flight = Task { await fetch() }
  }

  private func fetch() async {
    do {
      let answer = try await KeySetDownload.fetch(url)
      let set = try KeySet(json: answer.body)
      let time = now()
      guarded.withLock { $0.state.fetched(set, lifetime: answer.maxAge, at: time) }
      logger.log(
        level: set.count == 0 ? .warning : .info, "token keys were fetched",
        metadata: ["keys": "\(set.count)", "skipped": "\(set.skippedCount)"])
    } catch {
      guarded.withLock { $0.state.failed() }
      logger.warning("token keys cannot be fetched from auth.jwt.jwks_url", metadata: ["error": "\(error)"])
    }
  }

  private static func unavailable(retryAfter seconds: Int64) -> Failure {
    Failure(
      .unavailable, reason: "jwks_unavailable", "The keys to verify tokens with cannot be fetched now.",
      retryAfter: .seconds(max(1, seconds)), cause: "see the warnings about auth.jwt.jwks_url")
  }
}
