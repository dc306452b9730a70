import NIOHTTP1
package import Wire

/// Which pages in browsers may read Apus's answers.
///
/// Source: WHATWG Fetch, section 3.3.
package struct Cors: Sendable, Equatable {
  private let origins: Set<String>

  /// Allows the given origins; `*` allows every one.
  package init(origins: [String]) {
    self.origins = Set(origins)
  }

  /// The value of `access-control-allow-origin` for a request; nil where nothing is allowed or nothing was asked.
  package func allowedOrigin(for lines: HeaderLines) -> String? {
    guard !origins.isEmpty, let origin = lines.first("origin") else { return nil }
    if origins.contains("*") { return "*" }
    return origins.contains(origin) ? origin : nil
  }

  /// Whether this is a browser asking before it sends: `OPTIONS` with a method to ask for.
  package static func isPreflight(_ head: RequestHead) -> Bool {
    head.method == .OPTIONS && head.lines.contains("origin") && head.lines.contains("access-control-request-method")
  }

  /// What a preflight is told besides the origin. No credentials: Apus knows keys, not cookies.
  static func preflight(for request: RequestHead) -> HeaderLines {
    var lines = HeaderLines()
    lines.add("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
    let asked = request.lines.first("access-control-request-headers") ?? ""
    if !asked.isEmpty, asked.utf8.count <= 1024, asked.isSingleLine {
      lines.add("access-control-allow-headers", asked)
    }
    lines.add("access-control-max-age", "600")
    return lines
  }

  /// Adds what every answer carries; `origin` is the one that is allowed to read it, if one is.
  func add(_ origin: String?, to lines: inout HeaderLines) {
    // Caches must not give one origin's answer to another, nor to one that is not allowed.
    if !origins.isEmpty, !origins.contains("*") { lines.add("vary", "origin") }
    guard let origin else { return }
    lines.add("access-control-allow-origin", origin)
    lines.add(
      "access-control-expose-headers",
      "x-request-id, x-apus-model, x-apus-provider, x-apus-overhead-ms, retry-after, ratelimit, ratelimit-policy, "
        + "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests")
  }
}
