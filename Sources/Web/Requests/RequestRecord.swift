package import Kernel
package import NIOCore
package import NIOHTTP1
import Wire

/// All that is known about one request, gathered on its way and read once, at its end, for the log and the metrics.
package final class RequestRecord {
  /// The client's own `x-request-id` where it is sane, else a new one.
  package var id: String
  /// The trace that the request belongs to.
  package var trace: TraceContext
  /// The method, as it came.
  package var method: HTTPMethod
  /// The path without its query, as it came.
  package var path: String
  /// The route that was found; nil for requests that have none.
  package var route: Route?
  /// The client's address, behind the proxies that are trusted.
  package var client: String
  /// Who asks; nil until it is proved.
  package var principal: Principal? { caller?.principal }
  /// Who asks, and their limits; nil until it is proved.
  package var caller: Caller?
  /// How the caller stands with their limits; nil where there are none.
  package var standing: Standing?
  /// Whether this request has entered the caller's limits, and must leave them.
  var hasEntered = false
  /// When the request's head had come.
  package var start: NIODeadline

  /// The status that was sent; 499 when the client did not wait for it, 0 before.
  package var status = 0
  /// The configured name of the model; never a name that is unknown.
  package var model: String?
  /// The provider that was asked.
  package var provider: String?
  /// Whether a stream was asked for, or came.
  package var isStream = false
  /// The tokens, where the provider told.
  package var usage: Usage?
  /// When the first event, or a plain answer, left.
  package var firstOutput: NIODeadline?
  /// What Apus itself has worked on the request: without the client's sending and the provider's thinking.
  package var work = WorkClock()
  /// Why it failed; its `cause` may stand in the log.
  package var failure: Failure?

  /// The route for metrics: a pattern, never what a client wrote.
  package var routeLabel: String { route?.path ?? "other" }

  /// Begins a record with a request's head.
  init(head: RequestHead, client: String) {
    let given = head.lines.first("x-request-id")
    id = given.flatMap { (1...128).contains($0.utf8.count) && $0.isSingleLine ? $0 : nil } ?? RandomDigits.next(16)
    trace = TraceContext(
      traceparent: head.lines.first("traceparent"), tracestate: head.lines.first("tracestate"))
    method = head.method
    path = Self.path(of: head.target)
    self.client = client
    start = .now()
  }

  /// The path of an origin-form or absolute-form target (RFC 9112, section 3.2), without its query.
  private static func path(of target: String) -> String {
    let target = target.utf8
    var rest = target[...]
    if rest.first != UInt8(ascii: "/"), let scheme = Substring(rest).firstRange(of: "://") {
      rest = target[scheme.upperBound...]
      guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return "/" }
      rest = rest[slash...]
    }
    guard let query = rest.firstIndex(of: UInt8(ascii: "?")) else { return String(Substring(rest)) }
    return String(Substring(rest[..<query]))
  }
}
