/// What a caller may do. An admin may do all that a user may.
package enum Role: String, Sendable, CaseIterable, Comparable {
  case user
  case admin

  package static func < (left: Role, right: Role) -> Bool {
    left == .user && right == .admin
  }
}

/// Who is asking, as far as it was proved.
///
/// One object for all requests of a key or a token: handing it on costs one count.
package final class Principal: Sendable {
  /// The name of the key that was presented, or of the token's user; it may stand in logs and metrics.
  package let name: String
  /// What the caller may do.
  package let role: Role
  /// The id of the key; nil for keys of the configuration and for tokens.
  package let keyID: String?
  /// The tenant that the caller belongs to.
  package let tenant: String?
  /// The person or program behind the key, whose limits all of their keys share.
  package let user: String?
  /// The name of the plan whose limits hold.
  package let plan: String?
  /// The models that may be asked for; nil for all.
  package let models: Set<String>?
  /// What the token said its bearer may do; no route asks for a scope yet.
  package let scopes: [String]

  /// Makes a principal; what is not given is not known.
  package init(
    name: String, role: Role, keyID: String? = nil, tenant: String? = nil, user: String? = nil, plan: String? = nil,
    models: Set<String>? = nil, scopes: [String] = []
  ) {
    self.name = name
    self.role = role
    self.keyID = keyID
    self.tenant = tenant
    self.user = user
    self.plan = plan
    self.models = models
    self.scopes = scopes
  }

  /// Whether the caller may ask for this model.
  package func mayUse(_ model: String) -> Bool { models?.contains(model) ?? true }
}
