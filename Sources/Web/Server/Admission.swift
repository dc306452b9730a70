import Kernel
import NIOCore
import NIOHTTP1
import Wire

/// Decides, from a request's head alone, whether the door lets it in.
struct Admission {
  let routes: RouteTable
  let settings: ServerSettings

  /// An answer that the door gives itself.
  enum OwnAnswer {
    case refusal(Failure)
    case preflight(HeaderLines)
  }

  /// What the door answers without asking a way; nil where the request may pass. `record` keeps what was found.
  func ownAnswer(to head: RequestHead, isAllowedOrigin: Bool, _ record: RequestRecord) -> OwnAnswer? {
    if (head.contentLength ?? 0) > settings.configuration.maxBody.bytes { return .refusal(tooLarge) }
    if isAllowedOrigin, Cors.isPreflight(head) { return .preflight(Cors.preflight(for: head)) }
    do throws(Failure) {
      try admit(head, record)
      return nil
    } catch {
      return .refusal(error)
    }
  }

  /// Finds the route of a request, and its caller where the route needs one.
  ///
  /// - Throws: `notFound`, `methodNotAllowed`, `unauthenticated`, `forbidden`; `record` keeps what was found before.
  func admit(_ head: RequestHead, _ record: RequestRecord) throws(Failure) {
    switch routes.match(head.method, path: record.path) {
    case .unknown:
      let path = record.path.clipped(to: 256)
      throw Failure(.notFound, reason: "unknown_url", "There is nothing at \(head.method.rawValue) \(path).")
    case .wrongMethod(let allowed):
      let methods = allowed.joined(separator: ", ")
      throw Failure(
        .methodNotAllowed, reason: "method_not_allowed", "\(head.method.rawValue) is not possible here; \(methods) is.")
    case .found(let route):
      record.route = route
      guard let role = route.role else { return }
      let principal = try settings.authenticator.principal(for: head.lines)
      record.principal = principal
      guard principal.role >= role else {
        throw Failure(.forbidden, reason: "insufficient_role", "This needs the role '\(role)'.")
      }
    }
  }

  /// A failure in the shape of the route.
  func answer(to failure: Failure, _ record: RequestRecord) -> (lines: HeaderLines, body: ByteBuffer) {
    let shape = ErrorBody.Shape(path: record.path)
    var (lines, body) = ErrorBody.answer(to: failure, shape: shape, requestID: record.id)
    if failure.code == .methodNotAllowed,
      case .wrongMethod(let allowed) = routes.match(record.method, path: record.path)
    {
      lines.add("allow", allowed.joined(separator: ", "))
    }
    return (lines, body)
  }

  /// A body beyond `server.max_body`.
  var tooLarge: Failure {
    Failure(
      .tooLarge, reason: "request_too_large",
      "The request body may have at most \(settings.configuration.maxBody) (server.max_body).")
  }

  /// What the reader could not read.
  static func failure(for error: HTTPSyntaxError) -> Failure {
    switch error {
    case .headTooLarge:
      Failure(.headersTooLarge, reason: "headers_too_large", "The request's headers are too large.")
    case .malformed(let rule):
      Failure(
        .invalidRequest, reason: "malformed_request", "What came is not a valid HTTP request: \(rule).")
    }
  }
}
