import Kernel
import Logging
import NIOCore
import NIOHTTP1

extension LogLine {
  /// The one line that a request leaves behind: what it was and how it went, no content and no secret.
  init(_ record: RequestRecord, duration: TimeAmount) {
    self.init(level: record.failure?.code.logLevel ?? .info, message: "request")
    add("request_id", record.id)
    add("trace_id", record.trace.traceID)
    add("method", record.method.rawValue)
    add("path", record.path.clipped(to: 256))
    add("route", record.routeLabel)
    add("status", record.status)
    add("client", record.client)
    if let principal = record.principal {
      add("key", principal.name)
      if let id = principal.keyID { add("key_id", id) }
      if let tenant = principal.tenant { add("tenant", tenant) }
      if let user = principal.user { add("user", user) }
    }
    if let model = record.model { add("model", model) }
    if let provider = record.provider { add("provider", provider) }
    if record.route?.way == .model { add("stream", record.isStream) }
    if let usage = record.usage {
      add("input_tokens", usage.inputTokens)
      add("output_tokens", usage.outputTokens)
    }
    add("duration_ms", milliseconds: duration.nanoseconds)
    if let first = record.firstOutput { add("first_output_ms", milliseconds: (first - record.start).nanoseconds) }
    add("overhead_ms", milliseconds: record.work.total.nanoseconds)
    if let failure = record.failure {
      add("error", failure.reason ?? failure.code.rawValue)
      if let cause = failure.cause { add("cause", cause.clipped(to: 512)) }
      if failure.code == .internalError { add("origin", failure.origin) }
    }
  }
}
