import Hummingbird
import Kernel
import NIOHTTP1
package import Web

/// The routes of Accounts: what admins do with keys and limits, and what callers learn about their own.
package enum AccountsRoutes {
  /// All of them.
  package static func endpoints(_ accounts: Accounts) -> [Endpoint] {
    [
      Endpoint(Route(.POST, "/api/v1/keys", role: .admin)) { request, _ in
        let made = try await accounts.createKey(try await Fields(body: request))
        return .json(KeyFields.text(made.key, made.secret), status: .created, location: "/api/v1/keys/" + made.key.id)
      },
      Endpoint(Route(.GET, "/api/v1/keys", role: .admin)) { request, _ in
        let page = try await accounts.keys(try KeyFields.query(of: request))
        var text = JSONText()
        text.raw("data", "[" + page.keys.map { KeyFields.text($0) }.joined(separator: ",") + "]")
        text.add("next_cursor", page.nextCursor)
        return .json(text.text)
      },
      Endpoint(key(.GET)) { request, _ in
        try Fields.refuseQuery(of: request)
        return .json(KeyFields.text(try await accounts.key(key(.GET).parameter(in: request.uri.path))))
      },
      Endpoint(key(.PATCH)) { request, _ in
        let id = key(.PATCH).parameter(in: request.uri.path)
        return .json(KeyFields.text(try await accounts.updateKey(id, try await Fields(body: request))))
      },
      Endpoint(key(.DELETE)) { request, _ in
        try Fields.refuseQuery(of: request)
        try await accounts.revokeKey(key(.DELETE).parameter(in: request.uri.path))
        return Response(status: .noContent)
      },
      Endpoint(rotation) { request, _ in
        var fields = try await Fields(body: request)
        let grace = fields.integer("grace_seconds", in: 0...KeyFields.longestGraceSeconds) ?? 0
        try fields.finish()
        let made = try await accounts.rotateKey(rotation.parameter(in: request.uri.path), grace: .seconds(grace))
        return .json(KeyFields.text(made.key, made.secret))
      },
      Endpoint(Route(.GET, "/api/v1/limits", role: .user, isCounted: false)) { request, context in
        try Fields.refuseQuery(of: request)
        guard let caller = context.caller else { throw Authenticator.missing }
        return .json(LimitFields.text(caller))
      },
      Endpoint(limits(.GET)) { request, _ in
        let user = try LimitFields.user(of: request, limits(.GET))
        return .json(LimitFields.text(try await accounts.limits(of: user), of: user))
      },
      Endpoint(limits(.PUT)) { request, _ in
        let user = try LimitFields.user(of: request, limits(.PUT))
        let limits = try await LimitFields.limits(of: request)
        try await accounts.setLimits(limits, of: user)
        return .json(LimitFields.text(limits, of: user))
      },
      Endpoint(limits(.DELETE)) { request, _ in
        try await accounts.setLimits(RequestLimits(), of: try LimitFields.user(of: request, limits(.DELETE)))
        return Response(status: .noContent)
      },
    ]
  }

  private static let rotation = Route(.POST, "/api/v1/keys/{id}/rotate", role: .admin)
  private static func key(_ method: HTTPMethod) -> Route { Route(method, "/api/v1/keys/{id}", role: .admin) }
  private static func limits(_ method: HTTPMethod) -> Route { Route(method, "/api/v1/limits/{user}", role: .admin) }
}
