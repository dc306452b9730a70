import Kernel
import Wire

/// What a client is told when a provider fails: which provider and how, never the provider's own words.
enum UpstreamFailures {
  /// A connection or an answer that failed.
  static func failure(for fault: UpstreamFault, provider: String) -> Failure {
    let cause = "\(fault)"
    switch fault {
    case .unreachable, .connectTimeout, .insecure:
      return Failure(
        .upstreamFailed, reason: "upstream_unreachable", "The provider '\(provider)' cannot be reached.", cause: cause)
    case .closedBeforeHead, .cut:
      return Failure(
        .upstreamFailed, reason: "upstream_cut",
        "The provider '\(provider)' closed the connection before its answer was whole.", cause: cause)
    case .invalid:
      return Failure(
        .upstreamFailed, reason: "upstream_invalid_response", "The provider '\(provider)' does not speak HTTP.",
        cause: cause)
    case .responseTimeout, .idleTimeout:
      return Failure(
        .upstreamTimeout, reason: "upstream_timeout", "The provider '\(provider)' did not answer in time.", cause: cause
      )
    case .exhausted:
      return Failure(
        .unavailable, reason: "upstream_busy", "Every connection to the provider '\(provider)' is in use.",
        retryAfter: .seconds(1), cause: cause)
    }
  }

  /// An answer that cannot be passed on, judged by its head; nil where it can.
  static func failure(for head: ResponseHead, provider: String) -> Failure? {
    let status = head.status
    let isGood = (200..<300).contains(status)
    if isGood, ModelAnswer.isJSON(head.lines) || ModelAnswer.isEventStream(head.lines) { return nil }
    let cause = "status \(status), content-type \(head.lines.first("content-type") ?? "none")"
    if status == 401 || status == 403 || status == 407 {
      // A client that saw it would doubt its own key, and these bodies quote parts of ours.
      return Failure(
        .upstreamFailed, reason: "upstream_rejected_key",
        "The provider '\(provider)' does not accept the key configured for it.", cause: cause)
    }
    if status >= 400, ModelAnswer.isJSON(head.lines) { return nil }
    return plain(status, head, provider, cause)
  }

  private static func plain(_ status: Int, _ head: ResponseHead, _ provider: String, _ cause: String) -> Failure {
    let after = head.lines.first("retry-after").flatMap(Int.init).map { Duration.seconds($0) }
    switch status {
    case 429:
      return Failure(
        .rateLimited, reason: "upstream_rate_limited", "The provider '\(provider)' has too many requests.",
        retryAfter: after, cause: cause)
    case 503:
      return Failure(
        .unavailable, reason: "upstream_unavailable", "The provider '\(provider)' is not available.", retryAfter: after,
        cause: cause)
    case 504:
      return Failure(
        .upstreamTimeout, reason: "upstream_timeout", "The provider '\(provider)' did not answer in time.", cause: cause
      )
    default:
      return Failure(
        .upstreamFailed, reason: "upstream_invalid_response",
        "The provider '\(provider)' answered \(status) without JSON.", cause: cause)
    }
  }

  /// A body that was announced as JSON and is not.
  static func notJSON(_ error: any Error, provider: String) -> Failure {
    Failure(
      .upstreamFailed, reason: "upstream_invalid_response", "The provider '\(provider)' answered with broken JSON.",
      cause: "\(error)")
  }
}
