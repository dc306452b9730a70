/// What a caller may do. An admin may do all that a user may.
package enum Role: String, Sendable, CaseIterable, Comparable {
  case user
  case admin

  package static func < (left: Role, right: Role) -> Bool {
    left == .user && right == .admin
  }
}

/// Who is asking, as far as it was proved.
package struct Principal: Sendable, Equatable {
  /// The name of the key that was presented; it may stand in logs and metrics.
  package var name: String
  /// What the key allows.
  package var role: Role

  /// Makes a principal.
  package init(name: String, role: Role) {
    self.name = name
    self.role = role
  }
}
