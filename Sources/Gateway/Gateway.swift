import Foundation
import Hummingbird
package import Kernel
import NIOHTTP1
package import Web
import Wire

/// Calls models: the routes of OpenAI's API, served from the providers that the configuration names.
package enum Gateway {
  /// The routes that `ModelRoutes` answers.
  package static let modelRoutes = ModelOperation.allCases.map(\.route)

  /// The routes that tell what there is to call, answered by the router.
  package static func endpoints(catalog: Live<ModelCatalog>) -> [Endpoint] {
    [
      Endpoint(Route(.GET, "/v1/models", role: .user)) { _, _ in
        let models = catalog.current.names.map(modelObject).joined(separator: ",")
        return .text(#"{"object":"list","data":[\#(models)]}"#, type: "application/json")
      },
      Endpoint(Route(.GET, "/v1/models/{id}", role: .user)) { request, _ in
        .text(modelObject(try knownModel(request, catalog.current)), type: "application/json")
      },
      Endpoint(Route(.GET, "/api/v1/me", role: .user)) { _, context in
        guard let caller = context.principal else { throw Failure(.unauthenticated, "No key was given.") }
        let models = catalog.current.names.map { JSONString.encode($0) }.joined(separator: ",")
        return .text(
          #"{"name":\#(JSONString.encode(caller.name)),"role":"\#(caller.role)","models":[\#(models)]}"#,
          type: "application/json")
      },
    ]
  }

  private static func knownModel(_ request: Request, _ catalog: ModelCatalog) throws -> String {
    let name = modelRoute.parameter(in: request.uri.path)
    guard catalog[name] != nil else {
      throw Failure(
        .notFound, reason: "model_not_found", "The model '\(name.clipped(to: 128))' does not exist here.",
        details: [Failure.Detail(field: "model", problem: "is not one that is configured")])
    }
    return name
  }

  /// Source: OpenAI API reference, the model object. When a model was made is not known here.
  private static func modelObject(_ name: String) -> String {
    #"{"id":\#(JSONString.encode(name)),"object":"model","created":0,"owned_by":"apus"}"#
  }
}
