import Kernel
import NIOHTTP1
import Testing
import Web

@Suite("The route table takes a path as it came")
struct RouteRulesTests {
  private static let chat = Route(.POST, "/v1/chat/completions", role: .user, way: .model)
  private static let models = Route(.GET, "/v1/models", role: .user)
  private static let model = Route(.GET, "/v1/models/{id}", role: .user)
  private static let make = Route(.POST, "/v1/models/{id}", role: .admin)
  private static let health = Route(.GET, "/health", role: nil)
  private static let table = RouteTable([chat, models, model, make, health])

  @Test(
    "A route is found by its method and its whole path",
    arguments: [
      (.POST, "/v1/chat/completions", chat), (.GET, "/v1/models", models), (.HEAD, "/v1/models", models),
      (.GET, "/v1/models/small", model), (.HEAD, "/v1/models/small", model), (.POST, "/v1/models/small", make),
      (.GET, "/v1/models/vendor/model-7", model), (.GET, "/v1/models/%2e%2e", model), (.GET, "/v1/models/é", model),
      (.GET, "/health", health),
    ] as [(HTTPMethod, String, Route)])
  func found(method: HTTPMethod, path: String, route: Route) {
    #expect(Self.table.match(method, path: path) == .found(route))
  }

  @Test(
    "Nothing is folded, decoded or collapsed on the way",
    arguments: [
      "", "/", "*", "/v1", "/v1/", "//v1/models", "/v1//models", "/v1/models/", "/v1/./models", "/v1/x/../models",
      "/v1/models/../models/..", "/../v1/models", "/V1/models", "/v1/Models", "/v1/models%20", "/v1%2fmodels",
      "/v1/%6dodels", "/%2e%2e/v1/models", "/v1/models?x=1", "/v1/models;x=1", "/v1/models\0", "\\v1\\models",
      "/healthz",
      "/health/", "/v1/chat/completions/", "/v1/chat/completions/x", "v1/models",
    ])
  func unknown(path: String) {
    let match = Self.table.match(.GET, path: path)
    // What a pattern takes is the name of a model, whatever it looks like; all else is unknown.
    let isName = path.hasPrefix("/v1/models/") && path != "/v1/models/"
    #expect(match == (isName ? .found(Self.model) : .unknown))
  }

  @Test(
    "A known path with another method names the methods that are possible",
    arguments: [
      (.GET, "/v1/chat/completions", ["POST"]), (.HEAD, "/v1/chat/completions", ["POST"]),
      (.DELETE, "/v1/models", ["GET", "HEAD"]), (.OPTIONS, "/health", ["GET", "HEAD"]),
      (.PUT, "/v1/models/small", ["GET", "HEAD", "POST"]), (.RAW(value: "get"), "/health", ["GET", "HEAD"]),
    ] as [(HTTPMethod, String, [String])])
  func wrongMethod(method: HTTPMethod, path: String, allowed: [String]) {
    #expect(Self.table.match(method, path: path) == .wrongMethod(allowed: allowed))
  }
}

@Suite("A path may have one part in braces, and another path may go on behind it")
struct RoutePatternRulesTests {
  private static let key = Route(.GET, "/api/v1/keys/{id}", role: .admin)
  private static let rotation = Route(.POST, "/api/v1/keys/{id}/rotate", role: .admin)
  private static let model = Route(.GET, "/v1/models/{id}", role: .user)
  private static let table = RouteTable([key, rotation, model])

  @Test(
    "What goes on is found by its end; then the braces hold one part, else all the rest",
    arguments: [
      (.GET, "/api/v1/keys/key_1", key), (.POST, "/api/v1/keys/key_1/rotate", rotation),
      (.GET, "/api/v1/keys/rotate", key), (.GET, "/api/v1/keys/%2F", key), (.GET, "/v1/models/a/b/rotate", model),
    ] as [(HTTPMethod, String, Route)])
  func found(method: HTTPMethod, path: String, route: Route) {
    #expect(Self.table.match(method, path: path) == .found(route))
  }

  @Test(
    "Nothing else is",
    arguments: [
      "/api/v1/keys/", "/api/v1/keys//", "/api/v1/keys/a/b", "/api/v1/keys//rotate", "/api/v1/keys/a/b/rotate",
      "/api/v1/keys/a/rotate/", "/api/v1/keys/a/", "/api/v1/keysrotate", "/v1/models/",
    ])
  func unknown(path: String) {
    #expect(Self.table.match(.GET, path: path) == .unknown)
    #expect(Self.table.match(.POST, path: path) == .unknown)
  }

  @Test(
    "What stands in the braces is decoded once",
    arguments: [
      (key, "/api/v1/keys/key_1", "key_1"), (rotation, "/api/v1/keys/key_1/rotate", "key_1"),
      (model, "/v1/models/a%2Fb", "a/b"), (model, "/v1/models/a/b", "a/b"), (model, "/v1/models/%2541", "%41"),
      (model, "/v1/models/%ff", ""),
    ])
  func parameter(route: Route, path: String, value: String) {
    #expect(route.parameter(in: path) == value)
  }
}
