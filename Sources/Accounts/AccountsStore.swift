import Kernel
import Store
import Web

/// Every statement on the tables of Accounts.
enum AccountsStore {
  /// What changed since a version.
  struct Changes: Sendable {
    var version: Int64
    /// Whether nothing is known about what was seen before: at the first look, and where a copy was put in place.
    var isFirst: Bool
    var keyIDs: [String]
    var limits: [(user: UserName, limits: RequestLimits)]
  }

  /// Which keys to list.
  struct KeyFilter: Sendable {
    var tenant: String?
    var user: String?
    var includesRevoked = false
    /// The last key of the page before.
    var after: (createdAt: Int64, id: String)?
    var limit: Int
  }

  // MARK: Keys

  static func insert(_ key: APIKey, hash: String, in transaction: Transaction) throws {
    let version = try nextVersion(in: transaction)
    let terms = key.terms
    try transaction.execute(
      """
      INSERT INTO api_keys (id, name, hash, prefix, tenant, user_id, plan, role, models, metadata, requests_per_minute,
        concurrent_requests, expires_at, created_at, version)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
      """,
      [
        .text(key.id), .text(terms.name), .text(hash), .text(key.prefix), DatabaseValue(terms.tenant),
        DatabaseValue(terms.user), DatabaseValue(terms.plan), .text(terms.role.rawValue),
        DatabaseValue(terms.models.map(StoredText.write)), .text(StoredText.write(terms.metadata)),
        DatabaseValue(terms.limits.requestsPerMinute), DatabaseValue(terms.limits.concurrentRequests),
        DatabaseValue(terms.expiresAt), .integer(key.createdAt), .integer(version),
      ])
  }

  /// Replaces the terms of a key that works; false where there is none. `version` was taken before the key was read.
  static func update(_ id: String, _ terms: KeyTerms, _ version: Int64, in transaction: Transaction) throws -> Bool {
    try transaction.execute(
      """
      UPDATE api_keys SET name = $2, tenant = $3, user_id = $4, plan = $5, role = $6, models = $7, metadata = $8,
        requests_per_minute = $9, concurrent_requests = $10, expires_at = $11, version = $12
      WHERE id = $1 AND revoked_at IS NULL
      """,
      [
        .text(id), .text(terms.name), DatabaseValue(terms.tenant), DatabaseValue(terms.user),
        DatabaseValue(terms.plan), .text(terms.role.rawValue), DatabaseValue(terms.models.map(StoredText.write)),
        .text(StoredText.write(terms.metadata)), DatabaseValue(terms.limits.requestsPerMinute),
        DatabaseValue(terms.limits.concurrentRequests), DatabaseValue(terms.expiresAt), .integer(version),
      ]) > 0
  }

  /// Gives a key that works another secret; the one before works until `previousUntil`.
  static func rotate(
    _ id: String, to material: APIKey.Material, previousUntil: Int64, in transaction: Transaction
  ) throws -> Bool {
    let version = try nextVersion(in: transaction)
    return try transaction.execute(
      """
      UPDATE api_keys SET previous_hash = hash, previous_until = $4, hash = $2, prefix = $3, version = $5
      WHERE id = $1 AND revoked_at IS NULL
      """,
      [.text(id), .text(material.hash), .text(material.prefix), .integer(previousUntil), .integer(version)]) > 0
  }

  /// Ends a key that works; false where there is none.
  static func revoke(_ id: String, at moment: Int64, in transaction: Transaction) throws -> Bool {
    let version = try nextVersion(in: transaction)
    return try transaction.execute(
      "UPDATE api_keys SET revoked_at = $2, version = $3 WHERE id = $1 AND revoked_at IS NULL",
      [.text(id), .integer(moment), .integer(version)]) > 0
  }

  static func key(_ id: String, in transaction: Transaction) throws -> APIKey? {
    try transaction.query("SELECT * FROM api_keys WHERE id = $1", [.text(id)]).first.map(APIKey.init)
  }

  /// The key of a secret's hash, that of before a rotation included; `isPrevious` tells which of the two it is.
  static func key(hash: String, in transaction: Transaction) throws -> (key: APIKey, isPrevious: Bool)? {
    try transaction.query("SELECT * FROM api_keys WHERE hash = $1 OR previous_hash = $1", [.text(hash)]).first
      .map { (key: try APIKey($0), isPrevious: try $0.text("hash") != hash) }
  }

  /// Keys, the youngest first.
  static func keys(_ filter: KeyFilter, in transaction: Transaction) throws -> [APIKey] {
    let after = filter.after ?? (createdAt: .max, id: "")
    return try transaction.query(
      """
      SELECT * FROM api_keys
      WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR user_id = $2) AND ($3 = 1 OR revoked_at IS NULL)
        AND (created_at < $4 OR (created_at = $4 AND id < $5))
      ORDER BY created_at DESC, id DESC LIMIT $6
      """,
      [
        .text(filter.tenant ?? ""), .text(filter.user ?? ""), .integer(filter.includesRevoked ? 1 : 0),
        .integer(after.createdAt), .text(after.id), .integer(Int64(filter.limit)),
      ]
    ).map(APIKey.init)
  }

  // MARK: Limits of users

  /// Sets what a user may do; none of both puts the plan in force again.
  static func setLimits(_ limits: RequestLimits, of user: UserName, in transaction: Transaction) throws {
    let version = try nextVersion(in: transaction)
    try transaction.execute(
      """
      INSERT INTO user_limits (tenant, user_id, requests_per_minute, concurrent_requests, version)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (tenant, user_id) DO UPDATE SET requests_per_minute = excluded.requests_per_minute,
        concurrent_requests = excluded.concurrent_requests, version = excluded.version
      """,
      [
        .text(user.tenant), .text(user.user), DatabaseValue(limits.requestsPerMinute),
        DatabaseValue(limits.concurrentRequests), .integer(version),
      ])
  }

  static func limits(of user: UserName, in transaction: Transaction) throws -> RequestLimits {
    try transaction.query(
      "SELECT * FROM user_limits WHERE tenant = $1 AND user_id = $2", [.text(user.tenant), .text(user.user)]
    ).first.map { try RequestLimits($0) } ?? RequestLimits()
  }

  // MARK: Changes

  /// The version of the last change.
  static func version(in transaction: Transaction) throws -> Int64 {
    try transaction.query("SELECT version FROM account_changes WHERE id = 1").first?.integer("version") ?? 0
  }

  /// What changed since `version`; nil when nothing did. At a first look keys are left out: everybody is forgotten.
  static func changes(since version: Int64, in transaction: Transaction) throws -> Changes? {
    let latest = try Self.version(in: transaction)
    guard latest != version else { return nil }
    let base = latest < version ? -1 : version
    let keys = try transaction.query(
      "SELECT id FROM api_keys WHERE version > $1", [.integer(base < 0 ? .max : base)])
    let limits = try transaction.query(
      """
      SELECT * FROM user_limits
      WHERE version > $1 AND ($1 >= 0 OR requests_per_minute IS NOT NULL OR concurrent_requests IS NOT NULL)
      """, [.integer(base)])
    return Changes(
      version: latest, isFirst: base < 0, keyIDs: try keys.map { try $0.text("id") },
      limits: try limits.map { row in
        (UserName(tenant: try row.text("tenant"), user: try row.text("user_id")), try RequestLimits(row))
      })
  }

  /// Whoever changes something holds this row until the commit.
  static func nextVersion(in transaction: Transaction) throws -> Int64 {
    let rows = try transaction.query(
      "UPDATE account_changes SET version = version + 1 WHERE id = 1 RETURNING version")
    guard let row = rows.first else { throw Failure(.internalError, "The table account_changes has lost its row.") }
    return try row.integer("version")
  }
}

extension RequestLimits {
  fileprivate init(_ row: Row) throws(Failure) {
    self.init(
      requestsPerMinute: try row.optionalInteger("requests_per_minute").map { Int($0) },
      concurrentRequests: try row.optionalInteger("concurrent_requests").map { Int($0) })
  }
}

extension APIKey {
  fileprivate init(_ row: Row) throws {
    var terms = KeyTerms()
    terms.name = try row.text("name")
    terms.tenant = try row.optionalText("tenant")
    terms.user = try row.optionalText("user_id")
    terms.plan = try row.optionalText("plan")
    // A role that this version does not know allows the least.
    terms.role = Role(rawValue: try row.text("role")) ?? .user
    terms.models = try row.optionalText("models").map { try StoredText.read($0) }
    terms.metadata = try StoredText.read(row.text("metadata"))
    terms.limits = try RequestLimits(row)
    terms.expiresAt = try row.optionalInteger("expires_at")
    self.init(
      id: try row.text("id"), prefix: try row.text("prefix"), terms: terms, createdAt: try row.integer("created_at"),
      revokedAt: try row.optionalInteger("revoked_at"), previousUntil: try row.optionalInteger("previous_until"))
  }
}
