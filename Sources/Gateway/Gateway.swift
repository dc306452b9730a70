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
      Endpoint(Route(.GET, "/v1/models", role: .user)) { _, context in
        let models = names(in: catalog.current, for: context).map(modelObject).joined(separator: ",")
        return .json(#"{"object":"list","data":[\#(models)]}"#)
      },
      Endpoint(oneModel) { request, context in
        .json(modelObject(try knownModel(request, context, catalog.current)))
      },
      Endpoint(Route(.GET, "/api/v1/me", role: .user, isCounted: false)) { _, context in
        guard let principal = context.principal else { throw Authenticator.missing }
        var text = JSONText()
        text.add("name", principal.name)
        text.add("role", principal.role.rawValue)
        text.add("key_id", principal.keyID)
        text.add("tenant", principal.tenant)
        text.add("user", principal.user)
        text.add("plan", principal.plan)
        text.add("scopes", principal.scopes)
        text.add("models", names(in: catalog.current, for: context))
        return .json(text.text)
      },
    ]
  }

  private static let oneModel = Route(.GET, "/v1/models/{id}", role: .user)

  /// The models that the caller may ask for.
  private static func names(in catalog: ModelCatalog, for context: ApusContext) -> [String] {
    catalog.names.filter { context.principal?.mayUse($0) ?? true }
  }

  private static func knownModel(_ request: Request, _ context: ApusContext, _ catalog: ModelCatalog) throws -> String {
    let name = oneModel.parameter(in: request.uri.path)
    guard catalog[name] != nil, context.principal?.mayUse(name) ?? true else {
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
