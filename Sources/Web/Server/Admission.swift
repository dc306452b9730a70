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

  /// What this process does not know by itself.
  enum Question: Sendable {
    /// Who presents this key?
    case whoAsks(Secret, KeyDigest)
    /// May they now? Their limits are counted together with other replicas.
    case mayEnter(Caller)
  }

  enum Verdict {
    case letIn
    case answer(OwnAnswer)
    case ask(Question)
  }

  /// Whether a request may pass; `record` keeps what was found.
  func judge(_ head: RequestHead, isAllowedOrigin: Bool, _ record: RequestRecord) -> Verdict {
    if (head.contentLength ?? 0) > settings.configuration.maxBody.bytes { return .answer(.refusal(tooLarge)) }
    if isAllowedOrigin, Cors.isPreflight(head) { return .answer(.preflight(Cors.preflight(for: head))) }
    do throws(Failure) {
      let route = try find(head, record)
      record.route = route
      if route.role == nil {
        if route.isCounted { try countStranger(head, record) }
        return .letIn
      }
      return try recognise(head, record)
    } catch {
      return .answer(.refusal(error))
    }
  }

  /// Goes on with a request whose caller is known.
  func judge(_ caller: Caller, _ record: RequestRecord) -> Verdict {
    record.caller = caller
    guard record.route?.isCounted ?? true, !caller.allotments.isEmpty else { return judgeRole(of: caller, record) }
    return judge(caller.enter(), of: caller, record)
  }

  private func judgeRole(of caller: Caller, _ record: RequestRecord) -> Verdict {
    guard let role = record.route?.role, caller.principal.role < role else { return .letIn }
    return .answer(.refusal(Failure(.forbidden, reason: "insufficient_role", "This needs the role '\(role)'.")))
  }

  /// Goes on with what the limits of a caller say.
  func judge(_ entry: Caller.Entry, of caller: Caller, _ record: RequestRecord) -> Verdict {
    switch entry {
    case .entered(let standing):
      record.standing = standing
      record.hasEntered = true
      return judgeRole(of: caller, record)
    case .refused(let failure, let standing):
      record.standing = standing
      return .answer(.refusal(failure))
    case .mustAsk:
      return .ask(.mayEnter(caller))
    }
  }

  private func recognise(_ head: RequestHead, _ record: RequestRecord) throws(Failure) -> Verdict {
    guard let digest = PresentedKey.digest(in: head.lines) else {
      try settings.strangers.count(record.client)
      throw Authenticator.missing
    }
    if let caller = settings.authenticator.known(digest) { return judge(caller, record) }
    try settings.strangers.checkLookup(record.client)
    guard let key = PresentedKey.text(in: head.lines) else { throw Authenticator.missing }
    return .ask(.whoAsks(key, digest))
  }

  /// Counts a request for its address, unless its key is known here.
  private func countStranger(_ head: RequestHead, _ record: RequestRecord) throws(Failure) {
    if let digest = PresentedKey.digest(in: head.lines), settings.authenticator.known(digest) != nil { return }
    try settings.strangers.count(record.client)
  }

  /// Finds the route of a request.
  ///
  /// - Throws: `notFound`, `methodNotAllowed`.
  private func find(_ head: RequestHead, _ record: RequestRecord) throws(Failure) -> Route {
    switch routes.match(head.method, path: record.path) {
    case .unknown:
      try countStranger(head, record)
      let path = record.path.clipped(to: 256)
      throw Failure(.notFound, reason: "unknown_url", "There is nothing at \(head.method.rawValue) \(path).")
    case .wrongMethod(let allowed):
      try countStranger(head, record)
      let methods = allowed.joined(separator: ", ")
      throw Failure(
        .methodNotAllowed, reason: "method_not_allowed", "\(head.method.rawValue) is not possible here; \(methods) is.")
    case .found(let route):
      return route
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
