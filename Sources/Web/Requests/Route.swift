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
  /// The path; a last part in braces stands for the rest: `/v1/models/{id}`.
  package var path: String
  /// The role that is needed; nil for routes that are open to everybody.
  package var role: Role?
  /// Which way serves it.
  package var way: Way

  /// Makes a route.
  package init(_ method: HTTPMethod, _ path: String, role: Role?, way: Way = .router) {
    self.method = method
    self.path = path
    self.role = role
    self.way = way
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
  private let prefixed: [(prefix: String, routes: [Route])]

  /// Makes a table.
  package init(_ routes: [Route]) {
    self.routes = routes
    exact = Dictionary(grouping: routes.filter { !$0.path.hasSuffix("}") }, by: \.path)
    let patterns = Dictionary(grouping: routes.filter { $0.path.hasSuffix("}") }) { route in
      String(route.path.prefix { $0 != "{" })
    }
    prefixed = patterns.map { (prefix: $0.key, routes: $0.value) }
  }

  /// Finds the route for a path as it came, without its query: nothing is decoded, folded or collapsed.
  package func match(_ method: HTTPMethod, path: String) -> Match {
    if let routes = exact[path] { return Self.pick(method, from: routes) }
    for (prefix, routes) in prefixed where path.hasPrefix(prefix) && path.utf8.count > prefix.utf8.count {
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
