package import Hummingbird

/// A route of the router's way together with what answers it, so that neither can be forgotten.
package struct Endpoint: Sendable {
  /// Answers a request that the door has let in.
  package typealias Handler = @Sendable (Request, ApusContext) async throws -> Response

  /// What is asked, and who may ask.
  package let route: Route
  let handler: Handler

  /// Makes an endpoint.
  package init(_ route: Route, handler: @escaping Handler) {
    self.route = route
    self.handler = handler
  }
}

/// The endpoints by their routes. The door has found the route, and it alone: a second router could read a path
/// otherwise, and let somebody in where the first would not.
package struct Endpoints: Sendable {
  private let handlers: [Route: Endpoint.Handler]

  /// All of the given endpoints.
  package init(_ endpoints: [Endpoint]) {
    handlers = Dictionary(endpoints.map { ($0.route, $0.handler) }, uniquingKeysWith: { first, _ in first })
  }

  /// What answers this route.
  func handler(of route: Route?) -> Endpoint.Handler? { route.flatMap { handlers[$0] } }
}
