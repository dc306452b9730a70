import HTTPTypes
package import Hummingbird
import Kernel
package import NIOCore
import NIOHTTP1

/// The routes that tell about the process itself; none needs a key, none shows content or a secret. Probes are not
/// counted: who asks too often may be the one who decides whether this process lives.
package enum SystemRoutes {
  /// Health, metrics and the OpenAPI document.
  package static func endpoints(metrics: Metrics, health: Health, openAPI: ByteBuffer) -> [Endpoint] {
    let ready: Endpoint.Handler = { _, _ in
      let (isReady, json) = health.report()
      return .text(json, type: "application/health+json", status: isReady ? .ok : .serviceUnavailable)
    }
    return [
      Endpoint(Route(.GET, "/health", role: nil, isCounted: false), handler: ready),
      Endpoint(Route(.GET, "/health/ready", role: nil, isCounted: false), handler: ready),
      Endpoint(Route(.GET, "/health/live", role: nil, isCounted: false)) { _, _ in
        .text(#"{"status":"pass"}"#, type: "application/health+json")
      },
      Endpoint(Route(.GET, "/metrics", role: nil)) { _, _ in
        .text(metrics.exposition(), type: "text/plain; version=0.0.4; charset=utf-8")
      },
      Endpoint(Route(.GET, "/openapi.json", role: nil)) { _, _ in
        Response(
          status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: openAPI))
      },
    ]
  }
}

extension Response {
  /// A JSON text, not to be kept by caches.
  package static func json(_ text: String, status: HTTPResponse.Status = .ok, location: String? = nil) -> Response {
    var response = Response.text(text, type: "application/json", status: status)
    if let location { response.headers[.location] = location }
    return response
  }

  /// A whole text, not to be kept by caches.
  package static func text(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
