import Kernel
import NIOHTTP1

/// Decides, from a request's head alone, whether the door lets it in.
struct Admission {
  let routes: RouteTable
  let settings: ServerSettings

  /// What every request must be, whatever it asks for (RFC 9112, sections 3.2 and 6.1).
  func flaw(of head: HTTPRequestHead) -> Failure? {
    let hosts = head.headers["host"]
    if hosts.count > 1 || (hosts.isEmpty && head.version != .http1_0) {
      return Self.malformed("Exactly one Host header is needed.")
    }
    if head.headers.contains(name: "transfer-encoding") && head.headers.contains(name: "content-length") {
      return Self.malformed("Content-Length and Transfer-Encoding exclude each other.")
    }
    if head.headers["transfer-encoding"].contains(where: { $0.lowercased() != "chunked" }) {
      return Self.malformed("The only transfer coding that is understood is 'chunked'.")
    }
    if head.version == .http1_0, head.headers.contains(name: "transfer-encoding") {
      return Self.malformed("HTTP/1.0 knows no transfer codings.")
    }
    guard let length = head.headers.first(name: "content-length") else { return nil }
    return (Int(length) ?? .max) > settings.configuration.maxBody.bytes ? tooLarge : nil
  }

  /// Finds the route of a request, and its caller where the route needs one.
  ///
  /// - Throws: `notFound`, `methodNotAllowed`, `unauthenticated`, `forbidden`; `record` keeps what was found before.
  func admit(_ head: HTTPRequestHead, _ record: inout RequestRecord) throws(Failure) {
    switch routes.match(head.method, path: record.path) {
    case .unknown:
      let path = record.path.clipped(to: 256)
      throw Failure(.notFound, reason: "unknown_url", "There is nothing at \(head.method) \(path).")
    case .wrongMethod(let allowed):
      let methods = allowed.joined(separator: ", ")
      throw Failure(
        .methodNotAllowed, reason: "method_not_allowed", "\(head.method) is not possible here; \(methods) is.")
    case .found(let route):
      record.route = route
      guard let role = route.role else { return }
      let principal = try settings.authenticator.principal(for: head.headers)
      record.principal = principal
      guard principal.role >= role else {
        throw Failure(.forbidden, reason: "insufficient_role", "This needs the role '\(role)'.")
      }
    }
  }

  /// A body beyond `server.max_body`.
  var tooLarge: Failure {
    Failure(
      .tooLarge, reason: "request_too_large",
      "The request body may have at most \(settings.configuration.maxBody) (server.max_body).")
  }

  /// What the parser could not read.
  static func failure(for error: HTTPParserError) -> Failure {
    if error == .headerOverflow {
      return Failure(.headersTooLarge, reason: "headers_too_large", "The request's headers are too large.")
    }
    return Failure(
      .invalidRequest, reason: "malformed_request", "What came is not a valid HTTP request.", cause: "\(error)")
  }

  private static func malformed(_ message: String) -> Failure {
    Failure(.invalidRequest, reason: "malformed_request", message)
  }
}
