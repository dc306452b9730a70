package import Wire

extension Standing {
  /// Adds what tells a client how it stands: OpenAI's `x-ratelimit-*-requests`, and `RateLimit` with its policy.
  ///
  /// Sources: OpenAI API reference, "Rate limits", headers; draft-ietf-httpapi-ratelimit-headers-10.
  package func add(to lines: inout HeaderLines) {
    lines.add("x-ratelimit-limit-requests", String(limit))
    lines.add("x-ratelimit-remaining-requests", String(remaining))
    lines.add("x-ratelimit-reset-requests", Self.text(resetMilliseconds))
    let seconds = ((remaining > 0 ? resetMilliseconds : waitMilliseconds) + 999) / 1000
    lines.add("ratelimit-policy", "\"requests\";q=\(limit);w=60")
    lines.add("ratelimit", "\"requests\";r=\(remaining);t=\(seconds)")
  }

  /// `850ms`, `12.5s`, `1m0.5s`: as OpenAI writes it.
  private static func text(_ milliseconds: Int64) -> String {
    if milliseconds < 1000 { return "\(milliseconds)ms" }
    let (minutes, rest) = milliseconds.quotientAndRemainder(dividingBy: 60_000)
    let fraction = rest % 1000
    let tail = fraction == 0 ? "" : "." + String(String(1000 + fraction).dropFirst())
    return (minutes > 0 ? "\(minutes)m" : "") + "\(rest / 1000)\(tail)s"
  }
}
