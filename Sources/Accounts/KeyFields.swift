import Hummingbird
import Kernel
import Web

/// Keys as clients write and read them.
enum KeyFields {
  /// A month: whoever needs longer makes a second key.
  static let longestGraceSeconds = 30 * 24 * 3600

  /// The terms of a key to be made.
  static func terms(_ fields: Fields, _ plans: [String: Plan]) throws(Failure) -> KeyTerms {
    var fields = fields
    var terms = KeyTerms()
    terms.name = fields.text("name", required: true) ?? ""
    read(&fields, plans, isChange: false)(&terms)
    try fields.finish()
    return terms
  }

  /// What to change about a key: the fields that are there, null for none.
  static func change(_ fields: Fields, _ plans: [String: Plan]) throws(Failure) -> @Sendable (inout KeyTerms) -> Void {
    var fields = fields
    let name = fields.has("name") ? fields.text("name", required: true) : nil
    let others = read(&fields, plans, isChange: true)
    try fields.finish()
    return { terms in
      if let name { terms.name = name }
      others(&terms)
    }
  }

  /// Which keys to list.
  static func query(of request: Request) throws -> Accounts.KeyQuery {
    var fields = Fields(query: request)
    var query = Accounts.KeyQuery()
    query.tenant = fields.text("tenant")
    query.user = fields.text("user", in: 1...256)
    query.cursor = fields.text("cursor", in: 1...256)
    query.limit = fields.integer("limit", in: 1...100) ?? query.limit
    let include: Included? = fields.choice("include")
    query.includesRevoked = include == .revoked
    try fields.finish()
    return query
  }

  private enum Included: String, CaseIterable { case revoked }

  /// Everything but the name. A field that is not there leaves a change's key as it is.
  private static func read(
    _ fields: inout Fields, _ plans: [String: Plan], isChange: Bool
  ) -> @Sendable (inout KeyTerms) -> Void {
    let given = fields
    let has = { @Sendable (name: String) in !isChange || given.has(name) }
    let tenant = fields.text("tenant")
    let user = fields.text("user", in: 1...256)
    let plan = fields.text("plan")
    if let plan, plans[plan] == nil {
      let names = plans.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
      fields.refuse("plan", names.isEmpty ? "must be a plan, and none is configured" : "must be one of \(names)")
    }
    let role: Role? = fields.choice("role")
    let models = fields.texts("models", atMost: 1000)
    let expiresAt = fields.moment("expires_at")
    let metadata = fields.textMap("metadata", atMost: 32)
    let limits = LimitFields.read(&fields)
    return { terms in
      if has("tenant") { terms.tenant = tenant }
      if has("user") { terms.user = user }
      if has("plan") { terms.plan = plan }
      if has("role") { terms.role = role ?? .user }
      if has("models") { terms.models = models }
      if has("expires_at") { terms.expiresAt = expiresAt }
      if has("metadata") { terms.metadata = metadata ?? [:] }
      if has("requests_per_minute") { terms.limits.requestsPerMinute = limits.requestsPerMinute }
      if has("concurrent_requests") { terms.limits.concurrentRequests = limits.concurrentRequests }
    }
  }

  /// A key as JSON; with its secret only where it was just made.
  static func text(_ key: APIKey, _ secret: Secret? = nil) -> String {
    let terms = key.terms
    var text = JSONText()
    text.add("id", key.id)
    if let secret { text.add("key", secret.reveal()) }
    text.add("prefix", key.prefix)
    text.add("name", terms.name)
    text.add("tenant", terms.tenant)
    text.add("user", terms.user)
    text.add("plan", terms.plan)
    text.add("role", terms.role.rawValue)
    text.add("models", terms.models)
    text.add("expires_at", moment: terms.expiresAt)
    text.add("metadata", terms.metadata)
    text.add("requests_per_minute", terms.limits.requestsPerMinute)
    text.add("concurrent_requests", terms.limits.concurrentRequests)
    text.add("created_at", moment: key.createdAt)
    text.add("revoked_at", moment: key.revokedAt)
    return text.text
  }
}

/// Limits as clients write and read them.
enum LimitFields {
  static func read(_ fields: inout Fields) -> RequestLimits {
    RequestLimits(
      requestsPerMinute: fields.integer("requests_per_minute", in: 0...1_000_000),
      concurrentRequests: fields.integer("concurrent_requests", in: 0...1_000_000))
  }

  static func limits(of request: Request) async throws -> RequestLimits {
    var fields = try await Fields(body: request)
    let limits = read(&fields)
    try fields.finish()
    return limits
  }

  /// The user in a request's path, and their tenant in its query.
  static func user(of request: Request, _ route: Route) throws -> UserName {
    var fields = Fields(query: request)
    let tenant = fields.text("tenant")
    let user = route.parameter(in: request.uri.path)
    if !Fields.isPlain(user, in: 1...256) {
      fields.refuse("user", "must be a text of 1 to 256 characters, composed (NFC), none a control character")
    }
    try fields.finish()
    return UserName(tenant: tenant, user: user)
  }

  /// What a user may do in place of their plan's limits.
  static func text(_ limits: RequestLimits, of user: UserName) -> String {
    var text = JSONText()
    text.add("user", user.user)
    text.add("tenant", user.tenant.isEmpty ? nil : user.tenant)
    text.add("requests_per_minute", limits.requestsPerMinute)
    text.add("concurrent_requests", limits.concurrentRequests)
    return text.text
  }

  /// How a caller stands: of several limits, the one that leaves least.
  static func text(_ caller: Caller) -> String {
    let standings = caller.allotments.map { (limits: $0.limits, standing: $0.allowance.standing($0.limits)) }
    let rate = standings.compactMap(\.standing.rate).min { $0.remaining < $1.remaining }
    let atOnce = standings.compactMap { entry in
      entry.limits.concurrentRequests.map { (limit: $0, running: entry.standing.running) }
    }.min { $0.limit - $0.running < $1.limit - $1.running }
    var text = JSONText()
    text.add("plan", caller.principal.plan)
    text.raw("requests_per_minute", rate.map(Self.text))
    text.raw("concurrent_requests", atOnce.map { Self.text($0.limit, running: $0.running) })
    return text.text
  }

  private static func text(_ standing: Standing) -> String {
    var text = JSONText()
    text.add("limit", standing.limit)
    text.add("remaining", standing.remaining)
    text.raw("reset_seconds", "\(Double(standing.resetMilliseconds) / 1000)")
    return text.text
  }

  private static func text(_ limit: Int, running: Int) -> String {
    var text = JSONText()
    text.add("limit", limit)
    text.add("running", running)
    text.add("remaining", max(0, limit - running))
    return text.text
  }
}
