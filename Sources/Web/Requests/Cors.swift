package import NIOHTTP1

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
  package func allowedOrigin(for headers: HTTPHeaders) -> String? {
    guard !origins.isEmpty, let origin = headers.first(name: "origin") else { return nil }
    if origins.contains("*") { return "*" }
    return origins.contains(origin) ? origin : nil
  }

  /// Whether this is a browser asking before it sends: `OPTIONS` with a method to ask for.
  package static func isPreflight(_ head: HTTPRequestHead) -> Bool {
    head.method == .OPTIONS && head.headers.contains(name: "origin")
      && head.headers.contains(name: "access-control-request-method")
  }

  /// What a preflight is told besides the origin. No credentials: Apus knows keys, not cookies.
  static func addPreflight(for request: HTTPRequestHead, to headers: inout HTTPHeaders) {
    headers.add(name: "access-control-allow-methods", value: "GET, HEAD, POST, PUT, PATCH, DELETE")
    let asked = request.headers.first(name: "access-control-request-headers") ?? ""
    if !asked.isEmpty, asked.utf8.count <= 1024, asked.isSingleLine {
      headers.add(name: "access-control-allow-headers", value: asked)
    }
    headers.add(name: "access-control-max-age", value: "600")
  }

  /// What every answer carries; `origin` is the one that is allowed to read it, if one is.
  func add(_ origin: String?, to headers: inout HTTPHeaders) {
    // Caches must not give one origin's answer to another, nor to one that is not allowed.
    if !origins.isEmpty, !origins.contains("*") { headers.add(name: "vary", value: "origin") }
    guard let origin else { return }
    headers.add(name: "access-control-allow-origin", value: origin)
    headers.add(
      name: "access-control-expose-headers",
      value: "x-request-id, x-apus-model, x-apus-provider, x-apus-overhead-ms, retry-after")
  }
}
