import Foundation
package import Kernel
package import NIOHTTP1

/// One route: what is asked, who may ask, and which way it is served.
package struct Route: Sendable, Hashable {
  /// Which of the two ways through the port serves it.
  package enum Way: Sendable, Hashable {
    /// On the connection's event loop.
    case model
    /// An endpoint's handler, in a task.
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

  package func hash(into hasher: inout Hasher) {
    hasher.combine(method.rawValue)
    hasher.combine(path)
  }

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
  private let patterns: [Pattern]

  private struct Pattern: Sendable {
    let prefix: String
    let suffix: String
    /// Whether what is in braces ends at a slash: where another path goes on behind it.
    let isOnePart: Bool
    let routes: [Route]

    func matches(_ path: String) -> Bool {
      guard path.hasPrefix(prefix), path.hasSuffix(suffix), path.utf8.count > prefix.utf8.count + suffix.utf8.count
      else { return false }
      return !isOnePart || !path.dropFirst(prefix.count).dropLast(suffix.count).contains("/")
    }
  }

  /// Makes a table.
  package init(_ routes: [Route]) {
    self.routes = routes
    exact = Dictionary(grouping: routes.filter { $0.pattern == nil }, by: \.path)
    let patterned = Dictionary(grouping: routes.filter { $0.pattern != nil }, by: \.path).values
    let goingOn = Set(patterned.compactMap { $0.first?.pattern }.filter { !$0.suffix.isEmpty }.map(\.prefix))
    // What says more about its end is looked at first.
    patterns = patterned.compactMap { routes in
      routes.first?.pattern.map {
        Pattern(prefix: $0.prefix, suffix: $0.suffix, isOnePart: goingOn.contains($0.prefix), routes: routes)
      }
    }.sorted { $0.suffix.count > $1.suffix.count }
  }

  /// Finds the route for a path as it came, without its query: nothing is decoded, folded or collapsed.
  package func match(_ method: HTTPMethod, path: String) -> Match {
    if let routes = exact[path] { return Self.pick(method, from: routes) }
    if let pattern = patterns.first(where: { $0.matches(path) }) { return Self.pick(method, from: pattern.routes) }
    return .unknown
  }

  private static func pick(_ method: HTTPMethod, from routes: [Route]) -> Match {
    let asked = method == .HEAD ? HTTPMethod.GET : method
    if let route = routes.first(where: { $0.method == asked }) { return .found(route) }
    let allowed = routes.flatMap { $0.method == .GET ? ["GET", "HEAD"] : [$0.method.rawValue] }
    return .wrongMethod(allowed: allowed.sorted())
  }
}
