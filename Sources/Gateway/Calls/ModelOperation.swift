import Kernel
import NIOHTTP1
import Web

/// What a model can be asked for, in OpenAI's API.
enum ModelOperation: String, CaseIterable {
  case chat = "/chat/completions"
  case completion = "/completions"
  case embedding = "/embeddings"

  /// The path under a provider's base URL.
  var path: String { rawValue }

  var route: Route { Route(.POST, "/v1" + rawValue, role: .user, way: .model) }

  private static let byPath = Dictionary(uniqueKeysWithValues: allCases.map { ($0.route.path, $0) })

  init?(_ route: Route) {
    guard let operation = Self.byPath[route.path] else { return nil }
    self = operation
  }
}
