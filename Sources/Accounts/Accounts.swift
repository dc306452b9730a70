package import Kernel
package import Logging
import NIOCore
package import Store
import Synchronization
package import Web

/// Knows who may, and how often: keys, tokens, plans and limits.
package final class Accounts: Sendable {
  let database: Database
  let shared: SharedMemory
  let ring = KeyRing()
  let logger: Logger
  /// What became of looking further: `looked_up`, `refused`, `unavailable`.
  package let lookups = Family(
    "apus_identity_lookups_total", "Keys and tokens that this process did not know, by what came of them.",
    labels: ["result"], make: Counter.init)
  private let allowances: AllowanceTable
  private let settings: Live<AccountsSettings>
  /// The last change of the database that was taken; below zero before the first look.
  let seenVersion = Atomic<Int64>(-1)
  /// The last look at what changed, after which the next one begins.
  let looks = Mutex<Task<Result<Void, Failure>, Never>?>(nil)
  /// Held while the keys of the configuration are put on the ring, so that the last settings are the ones there.
  private let taking = Mutex<Void>(())
  private let overrides = Mutex<[UserName: RequestLimits]>([:])
  private let lookupsInFlight = Mutex<[KeyDigest: Task<Result<Caller, Failure>, Never>]>([:])

  /// How many unknown keys are looked up at once, at most.
  private static let lookupLimit = 4096

  /// Accounts in `database`; replicas count together, and hear of changes at once, where `shared` is shared.
  ///
  /// `adminKey` is the key of the first admin, where the configuration brings no keys.
  package init(
    _ configuration: AccountsConfiguration, adminKey: Secret?, database: Database, shared: SharedMemory,
    logger: Logger
  ) throws(Failure) {
    self.database = database
    self.shared = shared
    self.logger = logger
    allowances = AllowanceTable(source: shared.isShared ? .over(shared) : nil)
    settings = Live(try AccountsSettings(configuration, adminKey: adminKey, logger: logger))
    takeSettings()
  }

  /// What the door asks about every request.
  package var authenticator: Authenticator {
    Authenticator(
      known: { [ring] digest in ring.caller(for: digest) },
      find: { [self] key, digest throws(Failure) in try await find(key, digest) })
  }

  /// Takes another configuration: who is known is asked again, what they used stays counted.
  ///
  /// - Throws: `internalError` when it cannot be used; then the old one stays.
  package func reconfigure(_ configuration: AccountsConfiguration, adminKey: Secret?) throws(Failure) {
    let old = settings.current
    let fresh = try AccountsSettings(configuration, adminKey: adminKey, logger: logger, before: old)
    guard fresh.configuration != old.configuration || fresh.keys != old.keys else { return }
    settings.replace(with: fresh)
    takeSettings()
  }

  /// Fetches the keys of a token's issuer before the first token comes.
  func prepare() async { await settings.current.verifier?.prepare() }

  var configuration: AccountsConfiguration { settings.current.configuration }

  /// Forgets everybody, and knows the keys of the configuration.
  private func takeSettings() {
    taking.withLock { _ in ring.replaceAll(with: configuredCallers()) }
  }

  private func configuredCallers() -> [(KeyDigest, Caller)] {
    settings.current.keys.compactMap { digest, terms in
      // A key that has ended, or whose plan is gone, is told so when it asks.
      (try? caller(terms, keyID: nil)).map { (digest, $0) }
    }
  }

  // MARK: Who asks

  private func find(_ key: Secret, _ digest: KeyDigest) async throws(Failure) -> Caller {
    do throws(Failure) {
      let caller = try await lookUp(key.reveal(), digest)
      lookups.with("looked_up").add()
      return caller
    } catch {
      lookups.with(error.code == .unavailable ? "unavailable" : "refused").add()
      throw error
    }
  }

  private func lookUp(_ key: String, _ digest: KeyDigest) async throws(Failure) -> Caller {
    let moment = ring.moment
    let settings = settings.current
    if let terms = settings.keys[digest] { return try caller(terms, keyID: nil) }
    if let verifier = settings.verifier, TokenVerifier.looksLikeToken(key.utf8) {
      return try await findToken(key, digest, verifier, since: moment)
    }
    guard KeyText.isWellFormed(key) else { throw Authenticator.unknown }
    return try await shareLookup(digest)
  }

  private func findToken(
    _ text: String, _ digest: KeyDigest, _ verifier: TokenVerifier, since moment: Int
  ) async throws(Failure) -> Caller {
    let token = try await verifier.verify(text)
    var terms = KeyTerms()
    terms.name = token.user
    terms.user = token.user
    terms.tenant = token.tenant
    terms.plan = token.plan
    terms.role = token.role
    terms.expiresAt = token.expires * 1000
    let caller = try caller(terms, keyID: nil, scopes: token.scopes, isToken: true)
    ring.remember(caller, .token(UserName(tenant: token.tenant, user: token.user)), for: digest, since: moment)
    return caller
  }

  /// Requests with the same key share one look into the database.
  private func shareLookup(_ digest: KeyDigest) async throws(Failure) -> Caller {
    let task = lookupsInFlight.withLock { flights -> Task<Result<Caller, Failure>, Never>? in
      if let flight = flights[digest] { return flight }
      guard flights.count < Self.lookupLimit else { return nil }
      let flight = Task {
        let result = await self.findKeyResult(digest)
        self.lookupsInFlight.withLock { $0[digest] = nil }
        return result
      }
      flights[digest] = flight
      return flight
    }
    guard let task else {
      throw Failure(
        .unavailable, reason: "too_many_lookups", "Too many unknown keys are being looked up.", retryAfter: .seconds(1))
    }
    return try await task.value.get()
  }

  private func findKeyResult(_ digest: KeyDigest) async -> Result<Caller, Failure> {
    do throws(Failure) {
      return .success(try await findKey(digest))
    } catch {
      return .failure(error)
    }
  }

  private func findKey(_ digest: KeyDigest) async throws(Failure) -> Caller {
    let moment = ring.moment
    let hash = digest.hexadecimal
    guard let (key, isPrevious) = try await database.read({ try AccountsStore.key(hash: hash, in: $0) }),
      key.revokedAt == nil
    else { throw Authenticator.unknown }
    var terms = key.terms
    if isPrevious { terms.expiresAt = min(terms.expiresAt ?? .max, key.previousUntil ?? 0) }
    let caller = try caller(terms, keyID: key.id)
    let user = terms.user.map { UserName(tenant: terms.tenant, user: $0) }
    ring.remember(caller, .key(id: key.id, user: user), for: digest, since: moment)
    return caller
  }

  // MARK: What they may

  /// Joins a key's or a token's terms with its plan and its user's limits.
  ///
  /// - Throws: `unauthenticated` for what has ended, `forbidden` for a plan that is not there.
  private func caller(
    _ terms: KeyTerms, keyID: String?, scopes: [String] = [], isToken: Bool = false
  ) throws(Failure) -> Caller {
    let left = terms.expiresAt.map { $0 - Moment.now }
    if let left, left <= 0, !isToken {
      throw Failure(.unauthenticated, reason: "expired_api_key", "The API key has ended.")
    }
    let plan = try plan(named: terms.plan)
    var models = terms.models.map(Set.init)
    if let ofPlan = plan.models.map(Set.init) { models = models?.intersection(ofPlan) ?? ofPlan }
    let principal = Principal(
      name: terms.name, role: terms.role, keyID: keyID, tenant: terms.tenant, user: terms.user, plan: terms.plan,
      models: models, scopes: scopes)
    return Caller(
      principal: principal, allotments: allotments(for: terms, key: isToken ? nil : Self.subject(keyID, terms), plan),
      // Far moments are cut to a year: then it is looked up once more.
      expiry: left.map { .now() + .milliseconds(max(0, min($0, 31_536_000_000))) })
  }

  private func plan(named name: String?) throws(Failure) -> Plan {
    let plans = configuration.plans
    guard let name else { return plans[AccountsConfiguration.defaultPlan] ?? Plan() }
    if let plan = plans[name] { return plan }
    throw Failure(
      .forbidden, reason: "unknown_plan", "The plan '\(name.clipped(to: 128))' of this key is not configured here.")
  }

  /// The limits of a user, and of a key; tokens have none of their own.
  private func allotments(for terms: KeyTerms, key: String?, _ plan: Plan) -> [Allotment] {
    var limits: [(subject: String, limits: RequestLimits)] = []
    if let user = terms.user {
      let name = UserName(tenant: terms.tenant, user: user)
      let own = overrides.withLock { $0[name] } ?? RequestLimits()
      limits.append((Self.subject(of: name), own.filled(from: plan.limits)))
      if let key { limits.append((key, terms.limits)) }
    } else if let key {
      limits.append((key, terms.limits.filled(from: plan.limits)))
    }
    return limits.compactMap { allowances.allotment(for: $0.subject, $0.limits) }
  }

  private static func subject(_ keyID: String?, _ terms: KeyTerms) -> String {
    keyID.map { "key:" + $0 } ?? "configured:" + terms.name
  }

  private static func subject(of user: UserName) -> String {
    // The length keeps `a/b` of tenant `c` apart from `b` of tenant `c/a`.
    "user:\(user.tenant.utf8.count):\(user.tenant)/\(user.user)"
  }

  // MARK: Changes

  /// Forgets whom changes of the database concern, and takes the new limits of users.
  func apply(_ changes: AccountsStore.Changes) {
    overrides.withLock { overrides in
      if changes.isFirst { overrides = [:] }
      for change in changes.limits { overrides[change.user] = change.limits.areNone ? nil : change.limits }
    }
    if changes.isFirst { return takeSettings() }
    let users = Set(changes.limits.map(\.user))
    // Keys of the configuration with such a user are few, and made anew.
    ring.forget(keyIDs: Set(changes.keyIDs), users: users)
    if !users.isEmpty, settings.current.keys.values.contains(where: { $0.user != nil }) { takeSettings() }
  }
}

extension RequestLimits {
  /// These, and where they say nothing, those of the plan.
  fileprivate func filled(from plan: RequestLimits) -> RequestLimits {
    RequestLimits(
      requestsPerMinute: requestsPerMinute ?? plan.requestsPerMinute,
      concurrentRequests: concurrentRequests ?? plan.concurrentRequests)
  }
}

extension LeaseSource {
  /// Leases from the count in a memory that replicas share.
  fileprivate static func over(_ shared: SharedMemory) -> LeaseSource {
    LeaseSource(
      ask: { question in
        let lease = try await shared.lease(
          LeaseRequest(
            subject: "apus:requests:" + question.subject, limit: question.limit,
            windowMilliseconds: Int(question.windowMilliseconds), wanted: question.wanted,
            returned: question.returned.map { LeaseCount(bucket: Int($0.bucket), count: $0.count) }))
        return Grant(
          count: lease.granted, bucket: Int64(lease.bucket), retryMilliseconds: Int64(lease.retryMilliseconds))
      },
      isDown: { !shared.status.isWorking })
  }
}

/// A configuration, read once for all requests.
struct AccountsSettings: Sendable {
  let configuration: AccountsConfiguration
  let keys: [KeyDigest: KeyTerms]
  let verifier: TokenVerifier?

  /// With the same source of tokens as `before`, what was fetched of it stays.
  init(
    _ configuration: AccountsConfiguration, adminKey: Secret?, logger: Logger, before: AccountsSettings? = nil
  ) throws(Failure) {
    self.configuration = configuration
    var keys: [KeyDigest: KeyTerms] = [:]
    for key in configuration.keys { keys[KeyDigest(of: key.key.reveal())] = key.terms }
    if let adminKey {
      var terms = KeyTerms()
      terms.name = "admin"
      terms.role = .admin
      keys[KeyDigest(of: adminKey.reveal())] = terms
    }
    self.keys = keys
    if let before, before.configuration.jwt == configuration.jwt {
      verifier = before.verifier
    } else if let jwt = configuration.jwt {
      verifier = try TokenVerifier(jwt, logger: logger) { Moment.now / 1000 }
    } else {
      verifier = nil
    }
  }
}
