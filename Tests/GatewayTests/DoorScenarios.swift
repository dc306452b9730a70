import Kernel
import TestKit
import Testing
import Web

/// What is sent to a connection, and all that may come of it.
struct DoorScenario: Sendable, CustomTestStringConvertible {
  struct Expected: Sendable, ExpressibleByIntegerLiteral {
    var status: Int
    var code: String?
    var hasBody = true

    init(integerLiteral status: Int) { self.status = status }

    init(_ status: Int, _ code: String?, hasBody: Bool = true) {
      self.status = status
      self.code = code
      self.hasBody = hasBody
    }
  }

  let testDescription: String
  let expected: [Expected]
  /// How many requests go past the door.
  var reached = 0
  /// Whether the connection can be used again; else it is said so, and done.
  var staysOpen = false
  var configure: @Sendable (inout ServerConfiguration) -> Void = { _ in }
  let bytes: @Sendable (Way) -> String

  init(
    _ name: String, _ expected: Expected..., reached: Int = 0, staysOpen: Bool = false,
    configure: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
    bytes: @escaping @Sendable (Way) -> String
  ) {
    testDescription = name
    self.expected = expected
    self.reached = reached
    self.staysOpen = staysOpen
    self.configure = configure
    self.bytes = bytes
  }

  static let all = served + keys + places + bodies + malformed

  // MARK: What is served

  private static let served: [DoorScenario] = [
    DoorScenario("a request", 200, reached: 1, staysOpen: true) { $0.request() },
    DoorScenario("two requests at once", 200, 200, reached: 2, staysOpen: true) { $0.request() + $0.request() },
    DoorScenario("a request behind one that is refused", Expected(404, "unknown_url"), 200, reached: 1, staysOpen: true)
    {
      $0.request(path: "/nothing", body: nil) + $0.request()
    },
    DoorScenario("a request before what is none", 200, Expected(400, "malformed_request"), reached: 1) {
      $0.request() + "no HTTP\r\n\r\n"
    },
    DoorScenario("a body in chunks", 200, reached: 1, staysOpen: true) {
      let (first, second) = (Way.chat.prefix(10), Way.chat.dropFirst(10))
      let chunks = [first, second].map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
      return $0.request(headers: ["transfer-encoding: chunked"], body: chunks + "0\r\n\r\n")
    },
    DoorScenario("a query", 200, reached: 1, staysOpen: true) { $0.request(path: $0.path + "?api-version=1") },
    DoorScenario("a target with a host of its own", 200, reached: 1, staysOpen: true) {
      $0.request(path: "http://evil.example" + $0.path)
    },
    DoorScenario("a forged host", 200, reached: 1, staysOpen: true) { $0.request(headers: ["host: evil.example"]) },
    DoorScenario("HTTP/1.0", 200, reached: 1) { $0.request(version: "HTTP/1.0") },
    DoorScenario("HTTP/1.0 that wants to stay", 200, reached: 1, staysOpen: true) {
      $0.request(version: "HTTP/1.0", headers: ["connection: keep-alive"])
    },
    DoorScenario("a last request", 200, reached: 1) { $0.request(headers: ["connection: close"]) },
    DoorScenario("a WebSocket where there is none", 200, reached: 1) {
      $0.request(headers: ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"])
    },
    DoorScenario("an upgrade to HTTP/2", 200, reached: 1) {
      $0.request(headers: ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAA"])
    },
    DoorScenario("a client that waits for 100 Continue", 100, 200, reached: 1, staysOpen: true) {
      $0.request(headers: ["expect: 100-continue"])
    },
  ]

  // MARK: Who asks

  private static let keys: [DoorScenario] = [
    DoorScenario("no key, and a body", Expected(401, "missing_api_key"), staysOpen: true) { $0.request(key: nil) },
    DoorScenario("no key, and no body", Expected(401, "missing_api_key"), staysOpen: true) {
      $0.request(key: nil, body: nil)
    },
    DoorScenario("a wrong key", Expected(401, "invalid_api_key"), staysOpen: true) { $0.request(key: "x", body: nil) },
    DoorScenario("a key in another scheme", Expected(401, "missing_api_key"), staysOpen: true) {
      $0.request(key: nil, headers: ["authorization: Basic \(Stand.key)"], body: nil)
    },
    DoorScenario("a key in x-api-key", 200, reached: 1, staysOpen: true) {
      $0.request(key: nil, headers: ["x-api-key: \(Stand.key)"])
    },
    DoorScenario("no key, waiting for 100 Continue", Expected(401, "missing_api_key")) {
      $0.request(key: nil, headers: ["expect: 100-continue", "content-length: 10"], body: nil)
    },
  ]

  // MARK: Where it goes

  private static let places: [DoorScenario] =
    [
      ("/nothing", "an unknown route"), ("//", "two slashes"), ("/..", "a way up"), ("/%2e%2e", "an encoded way up"),
      ("/", "a slash at the end"),
    ].map { suffix, name in
      DoorScenario(name, Expected(404, "unknown_url"), staysOpen: true) {
        $0.request(path: $0.path + suffix, body: nil)
      }
    } + [
      DoorScenario("another case", Expected(404, "unknown_url"), staysOpen: true) {
        $0.request(path: $0.path.uppercased(), body: nil)
      },
      DoorScenario("an encoded slash", Expected(404, "unknown_url"), staysOpen: true) {
        $0.request(path: "/%2f" + $0.path.dropFirst(), body: nil)
      },
      DoorScenario("GET", Expected(405, "method_not_allowed"), staysOpen: true) { $0.request("GET", body: nil) },
      DoorScenario("DELETE", Expected(405, "method_not_allowed"), staysOpen: true) { $0.request("DELETE", body: nil) },
      DoorScenario("OPTIONS without an origin", Expected(405, "method_not_allowed"), staysOpen: true) {
        $0.request("OPTIONS", body: nil)
      },
      DoorScenario("HEAD", Expected(405, nil, hasBody: false), staysOpen: true) { $0.request("HEAD", body: nil) },
    ]

  // MARK: How much, and how slowly

  private static let small: @Sendable (inout ServerConfiguration) -> Void = { $0.maxBody.bytes = 1000 }
  private static let hasty: @Sendable (inout ServerConfiguration) -> Void = { $0.requestTimeout = .milliseconds(100) }

  private static let bodies: [DoorScenario] = [
    DoorScenario("a body that says it is too large", Expected(413, "request_too_large"), configure: small) {
      $0.request(headers: ["content-length: 1001"], body: nil)
    },
    DoorScenario("a body too large for a number", Expected(413, "request_too_large"), configure: small) {
      $0.request(headers: ["content-length: 9223372036854775807"], body: nil)
    },
    DoorScenario("chunks that become too large", Expected(413, "request_too_large"), configure: small) {
      let chunk = "100\r\n" + String(repeating: " ", count: 256) + "\r\n"
      return $0.request(headers: ["transfer-encoding: chunked"], body: String(repeating: chunk, count: 5))
    },
    DoorScenario("a body as large as allowed", 200, reached: 1, staysOpen: true, configure: small) {
      $0.request(body: Way.chat + String(repeating: " ", count: 1000 - Way.chat.utf8.count))
    },
    DoorScenario("a body that stops in the middle", Expected(408, "request_timeout"), configure: hasty) {
      $0.request(headers: ["content-length: 100"])
    },
    DoorScenario("a head that stops in the middle", Expected(408, "request_timeout"), configure: hasty) {
      "POST \($0.path) HTTP/1.1\r\nhost: ap"
    },
    DoorScenario("a head that never begins", Expected(408, "request_timeout"), configure: hasty) { _ in "" },
  ]

  // MARK: What is no request

  private static let flaws: [(name: String, bytes: @Sendable (Way) -> String)] = [
    ("no HTTP", { _ in "HELO apus\r\n\r\n" }), ("a later version", { $0.request(version: "HTTP/3.0", body: nil) }),
    ("no host", { "POST \($0.path) HTTP/1.1\r\n\r\n" }),
    ("two hosts", { $0.request(headers: ["host: a", "host: b"], body: nil) }),
    ("a header without a colon", { $0.request(headers: ["x"], body: nil) }),
    ("a space before the colon", { $0.request(headers: ["x : y"], body: nil) }),
    ("a control character", { $0.request(headers: ["x: a\0b"], body: nil) }),
    ("two lengths", { $0.request(headers: ["content-length: 2", "content-length: 3"], body: "{}") }),
    ("a length below zero", { $0.request(headers: ["content-length: -1"], body: "{}") }),
    ("a length that is no number", { $0.request(headers: ["content-length: 2x"], body: "{}") }),
    (
      "a length and chunks",
      { $0.request(headers: ["content-length: 5", "transfer-encoding: chunked"], body: "0\r\n\r\n") }
    ),
    ("a coding nobody knows", { $0.request(headers: ["transfer-encoding: gzip"], body: nil) }),
    ("two codings", { $0.request(headers: ["transfer-encoding: gzip, chunked"], body: "0\r\n\r\n") }),
    ("a chunk without a size", { $0.request(headers: ["transfer-encoding: chunked"], body: "xyz\r\n") }),
    ("a chunk longer than it says", { $0.request(headers: ["transfer-encoding: chunked"], body: "2\r\nabc\r\n") }),
  ]

  private static let malformed: [DoorScenario] =
    flaws.map { DoorScenario($0.name, Expected(400, "malformed_request"), bytes: $0.bytes) }
    + [
      DoorScenario("a header too long", Expected(431, "headers_too_large")) {
        $0.request(headers: ["x: " + String(repeating: "a", count: 70_000)], body: nil)
      },
      DoorScenario("too many headers", Expected(431, "headers_too_large")) {
        $0.request(headers: (0..<300).map { "x-\($0): y" }, body: nil)
      },
    ]
}
