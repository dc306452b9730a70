import Foundation
package import Kernel
package import NIOHTTP1

/// One route: what is asked, who may ask, and which way it is served.
package struct Route: Sendable, Equatable {
  /// Which of the two ways through the port serves it.
  package enum Way: Sendable {
    /// On the connection's event loop.
    case model
    /// Hummingbird's router, in a task.
    case router
  }

  /// The method; `GET` answers `HEAD` too.
  package var method: HTTPMethod
  /// The path; one part may be in braces, which stands for any text there, or for the rest where it is the last:
  /// `/v1/models/{id}`.
  package var path: String
  /// The role that is needed; nil for routes that are open to everybody.
  package var role: Role?
  /// Which way serves it.
  package var way: Way
  /// Whether its requests count towards limits: those of its caller, or of a stranger's address.
  package var isCounted: Bool

  /// Makes a route.
  package init(_ method: HTTPMethod, _ path: String, role: Role?, way: Way = .router, isCounted: Bool = true) {
    self.method = method
    self.path = path
    self.role = role
    self.way = way
    self.isCounted = isCounted
  }

  /// What stands before the part in braces, and after it; nil for paths without one.
  var pattern: (prefix: String, suffix: String)? {
    guard let open = path.firstIndex(of: "{"), let close = path.firstIndex(of: "}") else { return nil }
    return (String(path[..<open]), String(path[path.index(after: close)...]))
  }

  /// What stands in a request's path where the route has braces, percent escapes decoded.
  package func parameter(in path: String) -> String {
    guard let (prefix, suffix) = pattern else { return "" }
    return String(path.dropFirst(prefix.count).dropLast(suffix.count)).removingPercentEncoding ?? ""
  }
}

/// Every route that this process serves.
package struct RouteTable: Sendable {
  /// What the table says about a request.
  package enum Match: Sendable, Equatable {
    case found(Route)
    case wrongMethod(allowed: [String])
    case unknown
  }

  /// All routes, as they were given.
  package let routes: [Route]
  private let exact: [String: [Route]]
  private let patterns: [(prefix: String, suffix: String, routes: [Route])]

  /// Makes a table.
  package init(_ routes: [Route]) {
    self.routes = routes
    exact = Dictionary(grouping: routes.filter { $0.pattern == nil }, by: \.path)
    let patterns = Dictionary(grouping: routes.filter { $0.pattern != nil }, by: \.path).values.compactMap { routes in
      routes.first?.pattern.map { (prefix: $0.prefix, suffix: $0.suffix, routes: routes) }
    }
    // What says more about its end is looked at first.
    self.patterns = patterns.sorted { $0.suffix.count > $1.suffix.count }
  }

  /// Finds the route for a path as it came, without its query: nothing is decoded, folded or collapsed.
  package func match(_ method: HTTPMethod, path: String) -> Match {
    if let routes = exact[path] { return Self.pick(method, from: routes) }
    for (prefix, suffix, routes) in patterns where path.hasPrefix(prefix) && path.hasSuffix(suffix) {
      let value = path.dropFirst(prefix.count).dropLast(suffix.count)
      guard path.utf8.count > prefix.utf8.count + suffix.utf8.count, suffix.isEmpty || !value.contains("/") else {
        continue
      }
      return Self.pick(method, from: routes)
    }
    return .unknown
  }

  private static func pick(_ method: HTTPMethod, from routes: [Route]) -> Match {
    let asked = method == .HEAD ? HTTPMethod.GET : method
    if let route = routes.first(where: { $0.method == asked }) { return .found(route) }
    let allowed = routes.flatMap { $0.method == .GET ? ["GET", "HEAD"] : [$0.method.rawValue] }
    return .wrongMethod(allowed: allowed.sorted())
  }
}
