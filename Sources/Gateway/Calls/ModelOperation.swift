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

  init?(_ route: Route) {
    guard route.way == .model else { return nil }
    self.init(rawValue: String(route.path.dropFirst("/v1".count)))
  }
}
