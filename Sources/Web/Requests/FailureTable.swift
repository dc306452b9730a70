package import Kernel
package import Logging

extension Failure.Code {
  /// The HTTP status that a client sees.
  package var status: Int {
    switch self {
    case .invalidRequest: 400
    case .unauthenticated: 401
    case .forbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .requestTimeout: 408
    case .conflict: 409
    case .tooLarge: 413
    case .headersTooLarge: 431
    case .rateLimited: 429
    case .internalError: 500
    case .upstreamFailed: 502
    case .unavailable: 503
    case .upstreamTimeout: 504
    }
  }

  /// The `type` of OpenAI's error body.
  ///
  /// Source: OpenAI API reference, "Error codes", and the `type`s that its servers send.
  package var openAIType: String {
    switch self {
    case .invalidRequest, .unauthenticated, .notFound, .methodNotAllowed, .requestTimeout, .conflict, .tooLarge,
      .headersTooLarge:
      "invalid_request_error"
    case .forbidden: "permission_error"
    case .rateLimited: "rate_limit_error"
    case .internalError, .upstreamFailed, .unavailable, .upstreamTimeout: "server_error"
    }
  }

  /// The `title` of problem details.
  package var title: String {
    switch self {
    case .invalidRequest: "Bad Request"
    case .unauthenticated: "Unauthorized"
    case .forbidden: "Forbidden"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .requestTimeout: "Request Timeout"
    case .conflict: "Conflict"
    case .tooLarge: "Content Too Large"
    case .headersTooLarge: "Request Header Fields Too Large"
    case .rateLimited: "Too Many Requests"
    case .internalError: "Internal Server Error"
    case .upstreamFailed: "Bad Gateway"
    case .unavailable: "Service Unavailable"
    case .upstreamTimeout: "Gateway Timeout"
    }
  }

  /// Whether it is ours to look at: faults are warnings and errors, a client's mistakes are not.
  package var logLevel: Logger.Level {
    switch self {
    case .internalError: .error
    case .upstreamFailed, .unavailable, .upstreamTimeout: .warning
    default: .info
    }
  }
}
