package import Hummingbird
import NIOHTTP1

/// A route of the router's way together with what answers it, so that neither can be forgotten.
package struct Endpoint: Sendable {
  /// Answers a request that the door has let in.
  package typealias Handler = @Sendable (Request, ApusContext) async throws -> Response

  /// What is asked, and who may ask.
  package let route: Route
  private let handler: Handler

  /// Makes an endpoint.
  package init(_ route: Route, handler: @escaping Handler) {
    self.route = route
    self.handler = handler
  }

  /// Hummingbird's router with all of the given endpoints.
  package static func responder(for endpoints: [Endpoint]) -> any HTTPResponder<ApusContext> {
    let router = Router(context: ApusContext.self, options: .autoGenerateHeadEndpoints)
    for endpoint in endpoints {
      // A last part in braces takes the rest of the path, slashes and all: names of models may have them. Where another
      // path goes on behind the braces, they hold one part.
      let pattern = endpoint.route.pattern.map { pattern in
        let goesOn = endpoints.contains {
          $0.route.pattern.map { $0.prefix == pattern.prefix && $0.suffix != "" } ?? false
        }
        return pattern.prefix + (goesOn ? "*" : "**") + pattern.suffix
      }
      router.on(
        RouterPath(pattern ?? endpoint.route.path), method: .init(rawValue: endpoint.route.method.rawValue) ?? .get,
        use: endpoint.handler)
    }
    return router.buildResponder()
  }
}
