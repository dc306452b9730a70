import Kernel

/// What is wrong with a token: a kind that its bearer may know, and a detail for the log. Neither holds a word of it.
struct TokenTrouble: Error, Equatable {
  /// All that a client is told.
  enum Kind: String, CaseIterable {
    case malformed = "The token is malformed."
    case signature = "The token is not signed with a key that is accepted here."
    case expired = "The token has expired."
    case notYetValid = "The token is not valid yet."
    case wrongIssuer = "The token comes from another issuer."
    case wrongAudience = "The token is meant for another audience."
  }

  let kind: Kind
  /// What exactly, in words of our own.
  let detail: String

  init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }

  /// One code and one reason, whatever it is.
  var failure: Failure {
    Failure(.unauthenticated, reason: "invalid_token", kind.rawValue, cause: detail)
  }
}
