import Kernel

/// The failures of a database, each in one place; what the database said goes to the log only, and never with values.
extension Failure {
  /// A row that is not as the code expects it.
  static func misread(_ what: String) -> Failure {
    Failure(.internalError, reason: "internal_error", "Something went wrong here.", cause: "database row: \(what)")
  }

  /// A statement that is wrong, or was given wrong values.
  static func misuse(_ what: String) -> Failure {
    Failure(.internalError, reason: "internal_error", "Something went wrong here.", cause: "database: \(what)")
  }

  /// A row that there may be only once is there already.
  static func conflict(_ cause: String) -> Failure {
    Failure(.conflict, reason: "conflict", "This is there already.", cause: cause)
  }

  /// The database cannot be reached, is busy or is full.
  static func databaseUnavailable(_ cause: String) -> Failure {
    Failure(
      .unavailable, reason: "database_unavailable", "The database cannot be used just now.", retryAfter: .seconds(1),
      cause: cause)
  }

  /// A statement ran into its time limit; nothing of its transaction happened.
  static func databaseTimeout(_ cause: String) -> Failure {
    Failure(
      .unavailable, reason: "database_timeout", "The database took too long.", retryAfter: .seconds(1), cause: cause)
  }

  /// The connection was lost while a commit was on its way.
  static func outcomeUnknown(_ cause: String) -> Failure {
    Failure(
      .unavailable, reason: "database_outcome_unknown",
      "The connection to the database was lost: whether this was done is not known.", retryAfter: .seconds(1),
      cause: cause)
  }

  /// Whether it says that the database cannot be used, and not what a closure thinks of something else.
  var isOfDatabase: Bool { code == .unavailable && reason?.hasPrefix("database_") == true }

  /// The label under which it is counted.
  var databaseKind: String {
    switch (code, reason) {
    case (.conflict, _): "conflict"
    case (.unavailable, "database_timeout"): "timeout"
    case (.unavailable, "database_outcome_unknown"): "outcome_unknown"
    case (.unavailable, _): "unavailable"
    case (.internalError, _): "internal"
    default: "invalid"
    }
  }
}
