/// The one error type that crosses module boundaries.
///
/// `message` and `details` may reach a client; `cause` reaches the log and nothing else.
package struct Failure: Error, Sendable {
  /// What went wrong, in the dozen kinds that a caller can act on.
  ///
  /// HTTP status, log level and error types are read from it in one table, in Web.
  package enum Code: String, Sendable, CaseIterable {
    case invalidRequest
    case unauthenticated
    case forbidden
    case notFound
    case methodNotAllowed
    case conflict
    case requestTimeout
    case tooLarge
    case headersTooLarge
    case rateLimited
    case upstreamFailed
    case unavailable
    case upstreamTimeout
    case internalError
  }

  /// One wrong field of a request: where it is, and what is wrong with it.
  package struct Detail: Sendable, Equatable {
    /// The field as a client would write it: `messages[0].role`.
    package var field: String
    /// What was expected and what came.
    package var problem: String

    /// Makes a detail for one field.
    package init(field: String, problem: String) {
      self.field = field
      self.problem = problem
    }
  }

  /// The kind of failure.
  package var code: Code
  /// A stable, machine-readable reason finer than `code`, in the providers' words: `model_not_found`.
  package var reason: String?
  /// A sentence for the client.
  package var message: String
  /// The wrong fields, the first of which is OpenAI's `param`.
  package var details: [Detail]
  /// When trying again may succeed; sent as `Retry-After`, rounded up to whole seconds.
  package var retryAfter: Duration?
  /// What only the log may see: an upstream's words, a system error.
  package var cause: String?
  /// Where it was made, for the log.
  package var origin: String

  /// Makes a failure; `file` and `line` fill themselves in.
  package init(
    _ code: Code, reason: String? = nil, _ message: String, details: [Detail] = [], retryAfter: Duration? = nil,
    cause: String? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.details = details
    self.retryAfter = retryAfter
    self.cause = cause
    origin = "\(file):\(line)"
  }

  /// A failure of one field of the request.
  package static func invalid(
    _ field: String, _ problem: String, reason: String? = nil, file: StaticString = #fileID, line: UInt = #line
  ) -> Failure {
    Failure(
      .invalidRequest, reason: reason, "'\(field)': \(problem)", details: [Detail(field: field, problem: problem)],
      file: file, line: line)
  }
}
