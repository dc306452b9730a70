package import Kernel
package import Web

/// Who may, and how often: the sections `auth`, `plans` and `keys` of `apus.yaml`.
package struct AccountsConfiguration: Sendable, Equatable {
  /// The plans by name. Callers without a plan have the one named `default`, if there is one, else no limits.
  package var plans: [String: Plan] = [:]
  /// The keys that the configuration brings. With none, the first start makes an admin key in `data_dir`.
  package var keys: [ConfiguredKey] = []
  /// How long a key that was made over the API is still believed when the database cannot be asked. Defaults to 60s.
  package var identityMaxAge = Duration.seconds(60)
  /// Requests per minute and address (IPv6: per /64) without a key that is known here; beyond, 429. Defaults to 100.
  package var unauthenticatedPerMinute = 100
  /// Which signed tokens are accepted beside keys. Defaults to none.
  package var jwt: JWTConfiguration?

  /// The defaults.
  package init() {}

  /// The plan for its callers who name none.
  static let defaultPlan = "default"
}

/// What callers of one plan may do.
package struct Plan: Sendable, Equatable {
  /// Requests per minute and at once, for each user, or for each key that has no user. Defaults to no limits.
  package var limits = RequestLimits()
  /// The models that may be asked for. Defaults to all.
  package var models: [String]?

  /// A plan without limits.
  package init() {}
}

/// One key that the configuration brings.
package struct ConfiguredKey: Sendable, Equatable {
  /// At least 32 printable ASCII characters without spaces, since it travels in headers.
  package var key = Secret("")
  /// Everything else about it: what a key that is made over the API has, too.
  package var terms = KeyTerms()

  /// A key to be filled in.
  package init() {}
}

/// What a key allows, and whom it stands for.
package struct KeyTerms: Sendable, Equatable {
  /// What logs and metrics call it.
  package var name = ""
  /// The tenant whose data and users it belongs to.
  package var tenant: String?
  /// The person or program behind it; all keys of a user share the limits of their plan.
  package var user: String?
  /// The name of a plan.
  package var plan: String?
  /// What it allows. Defaults to `user`.
  package var role = Role.user
  /// The models that may be asked for, of those that the plan allows. Defaults to all.
  package var models: [String]?
  /// When it ends, in milliseconds since 1970. Defaults to never.
  package var expiresAt: Int64?
  /// Whatever its maker wants to keep with it; Apus does not look at it.
  package var metadata: [String: String] = [:]
  /// Limits of this key alone. Where it has a user, they hold beside the user's; else in place of the plan's.
  package var limits = RequestLimits()

  /// Terms without a name, of a user without limits.
  package init() {}
}
