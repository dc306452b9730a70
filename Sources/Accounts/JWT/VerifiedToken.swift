package import Kernel

/// What a token proved.
package struct VerifiedToken: Sendable, Equatable {
  /// Whom it speaks for; never empty, at most 256 characters, none of them a control character.
  package var user: String
  /// The tenant, if it names one.
  package var tenant: String?
  /// The plan, if it names one; whether there is such a plan is not known here.
  package var plan: String?
  /// What it allows.
  package var role: Role
  /// What it is good for, in its own order.
  package var scopes: [String]
  /// `exp` in whole seconds since 1970, rounded down, without the leeway: it may have passed already.
  package var expires: Int64

  /// Makes one; a test's way to it.
  package init(
    user: String, tenant: String? = nil, plan: String? = nil, role: Role = .user, scopes: [String] = [], expires: Int64
  ) {
    self.user = user
    self.tenant = tenant
    self.plan = plan
    self.role = role
    self.scopes = scopes
    self.expires = expires
  }
}
