package import Wire

extension Standing {
  /// Adds what tells a client how it stands: OpenAI's `x-ratelimit-*-requests`, and `RateLimit` with its policy.
  ///
  /// Written in place: every answer of a limited caller carries it.
  ///
  /// Sources: OpenAI API reference, "Rate limits", headers; draft-ietf-httpapi-ratelimit-headers-10.
  package func add(to lines: inout HeaderLines) {
    lines.add("x-ratelimit-limit-requests") { $0.append(decimal: limit) }
    lines.add("x-ratelimit-remaining-requests") { $0.append(decimal: remaining) }
    lines.add("x-ratelimit-reset-requests") { Self.write(resetMilliseconds, to: &$0) }
    lines.add("ratelimit-policy") {
      $0.append("\"requests\";q=")
      $0.append(decimal: limit)
      $0.append(";w=60")
    }
    lines.add("ratelimit") {
      $0.append("\"requests\";r=")
      $0.append(decimal: remaining)
      $0.append(";t=")
      $0.append(decimal: Int(((remaining > 0 ? resetMilliseconds : waitMilliseconds) + 999) / 1000))
    }
  }

  /// `850ms`, `12.500s`, `1m0.500s`: as OpenAI writes it.
  private static func write(_ milliseconds: Int64, to bytes: inout [UInt8]) {
    if milliseconds < 1000 {
      bytes.append(decimal: Int(milliseconds))
      bytes.append("ms")
      return
    }
    let (minutes, rest) = Int(milliseconds).quotientAndRemainder(dividingBy: 60_000)
    if minutes > 0 {
      bytes.append(decimal: minutes)
      bytes.append("m")
    }
    bytes.append(decimal: rest / 1000)
    if rest % 1000 > 0 {
      bytes.append(".")
      bytes.append(decimal: rest % 1000, width: 3)
    }
    bytes.append("s")
  }
}
