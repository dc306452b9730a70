package import Kernel
import Store
package import Web

/// What admins do with keys and limits. Each returns once it is on disk, and holds in this process from then on.
extension Accounts {
  /// A key together with its secret, which is shown this once.
  package struct NewKey: Sendable {
    /// The key.
    package let key: APIKey
    /// What its bearer sends.
    package let secret: Secret
  }

  /// A page of keys.
  package struct KeyPage: Sendable {
    /// The keys, the youngest first.
    package let keys: [APIKey]
    /// What to ask for to get the next page; nil on the last one.
    package let nextCursor: String?
  }

  /// Which keys to list.
  package struct KeyQuery: Sendable {
    /// Of this tenant alone.
    package var tenant: String?
    /// Of this user alone.
    package var user: String?
    /// Revoked ones, too.
    package var includesRevoked = false
    /// The `nextCursor` of the page before.
    package var cursor: String?
    /// Keys on a page, 1 to 100.
    package var limit = 20

    /// All that work, from the first page on.
    package init() {}
  }

  /// Makes a key from the fields of a request.
  ///
  /// - Throws: `invalidRequest`, which names every wrong field, `unavailable`.
  package func createKey(_ fields: Fields) async throws(Failure) -> NewKey {
    let terms = try KeyFields.terms(fields, configuration.plans)
    let material = APIKey.Material()
    let key = APIKey(
      id: "key_" + KeyText.randomHexadecimal(digits: 20), prefix: material.prefix, terms: terms, createdAt: Moment.now)
    // Nobody can know it yet: nobody is told.
    try await database.write { try AccountsStore.insert(key, hash: material.hash, in: $0) }
    return NewKey(key: key, secret: Secret(material.secret))
  }

  /// The key with this id, revoked or not.
  ///
  /// - Throws: `notFound`, `unavailable`.
  package func key(_ id: String) async throws(Failure) -> APIKey {
    guard let key = try await database.read({ try AccountsStore.key(id, in: $0) }) else { throw Self.noKey(id) }
    return key
  }

  /// Keys, a page at a time.
  ///
  /// - Throws: `invalidRequest` for a cursor that is none, `unavailable`.
  package func keys(_ query: KeyQuery) async throws(Failure) -> KeyPage {
    var after: (createdAt: Int64, id: String)?
    if let cursor = query.cursor {
      let parts = cursor.split(separator: ".", maxSplits: 1)
      guard parts.count == 2, let createdAt = Int64(parts[0]) else {
        throw .invalid("cursor", "is not the 'next_cursor' of an earlier page", reason: "invalid_fields")
      }
      after = (createdAt, String(parts[1]))
    }
    let filter = AccountsStore.KeyFilter(
      tenant: query.tenant, user: query.user, includesRevoked: query.includesRevoked, after: after,
      limit: query.limit + 1)
    let found = try await database.read { try AccountsStore.keys(filter, in: $0) }
    let page = Array(found.prefix(query.limit))
    let next = found.count > query.limit ? page.last.map { "\($0.createdAt).\($0.id)" } : nil
    return KeyPage(keys: page, nextCursor: next)
  }

  /// Changes what a key allows: the fields that are there, null for none.
  ///
  /// - Throws: `notFound` for a key that does not work, `invalidRequest`, which names every wrong field, `unavailable`.
  package func updateKey(_ id: String, _ fields: Fields) async throws(Failure) -> APIKey {
    let change = try KeyFields.change(fields, configuration.plans)
    let key = try await database.write { transaction in
      // First of all, so that of two changes at once the second sees the first.
      let version = try AccountsStore.nextVersion(in: transaction)
      guard var key = try AccountsStore.key(id, in: transaction), key.revokedAt == nil else { throw Self.noKey(id) }
      change(&key.terms)
      guard try AccountsStore.update(id, key.terms, version, in: transaction) else { throw Self.noKey(id) }
      return key
    }
    await announce(id)
    return key
  }

  /// Gives a key another secret; the old one works for `grace` more.
  ///
  /// - Throws: `notFound` for a key that does not work, `unavailable`.
  package func rotateKey(_ id: String, grace: Duration) async throws(Failure) -> NewKey {
    let material = APIKey.Material()
    let previousUntil = Moment.now + grace.components.seconds * 1000
    let key = try await database.write { transaction in
      guard try AccountsStore.rotate(id, to: material, previousUntil: previousUntil, in: transaction),
        let key = try AccountsStore.key(id, in: transaction)
      else { throw Self.noKey(id) }
      return key
    }
    await announce(id)
    return NewKey(key: key, secret: Secret(material.secret))
  }

  /// Ends a key. One that was revoked before stays so, and that is fine.
  ///
  /// - Throws: `notFound`, `unavailable`.
  package func revokeKey(_ id: String) async throws(Failure) {
    try await database.write { transaction in
      if try AccountsStore.revoke(id, at: Moment.now, in: transaction) { return }
      guard try AccountsStore.key(id, in: transaction) != nil else { throw Self.noKey(id) }
    }
    await announce(id)
  }

  /// What a user may do in place of their plan's limits.
  ///
  /// - Throws: `unavailable`.
  package func limits(of user: UserName) async throws(Failure) -> RequestLimits {
    try await database.read { try AccountsStore.limits(of: user, in: $0) }
  }

  /// Sets what a user may do in place of their plan's limits; none of both puts the plan in force again.
  ///
  /// - Throws: `unavailable`.
  package func setLimits(_ limits: RequestLimits, of user: UserName) async throws(Failure) {
    try await database.write { try AccountsStore.setLimits(limits, of: user, in: $0) }
    await announce(nil)
  }

  private static func noKey(_ id: String) -> Failure {
    Failure(.notFound, reason: "key_not_found", "There is no such key that works: '\(id.clipped(to: 128))'.")
  }
}
