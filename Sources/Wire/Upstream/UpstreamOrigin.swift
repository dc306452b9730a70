package import NIOCore

/// Where an upstream listens. It comes from the configuration, never from a request.
package struct UpstreamOrigin: Sendable, Hashable {
  /// How it is reached.
  package enum Address: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  /// How it is reached.
  package var address: Address
  /// Whether the connection is TLS, its certificate verified against the host's name.
  package var isSecure: Bool

  /// Makes an origin.
  package init(_ address: Address, isSecure: Bool = false) {
    self.address = address
    self.isSecure = isSecure
  }

  /// The value of the `Host` header.
  package var authority: String {
    switch address {
    case .unix: "localhost"
    case .tcp(let host, let port):
      (host.contains(":") ? "[\(host)]" : host) + (port == (isSecure ? 443 : 80) ? "" : ":\(port)")
    }
  }
}

/// How long things may take with an upstream, and how many connections there may be.
package struct UpstreamLimits: Sendable, Hashable {
  /// Until the connection stands, TLS included.
  package var connect: TimeAmount
  /// From the request to the head of the answer.
  package var response: TimeAmount
  /// Between two pieces of an answer.
  package var idle: TimeAmount
  /// How long an unused connection is kept. Shorter than the 5 s after which the most impatient servers (uvicorn,
  /// Node) close theirs, so that a request seldom meets a connection that is just being closed.
  package var keepAlive = TimeAmount.seconds(4)
  /// Connections of one pool, that is of one event loop.
  package var connections: Int
  /// Requests of one pool that may wait for a connection; the next is refused at once.
  package var waiting = 1024
  /// How long one may wait for a connection.
  package var wait = TimeAmount.seconds(10)

  /// Makes limits.
  package init(connect: TimeAmount, response: TimeAmount, idle: TimeAmount, connections: Int) {
    self.connect = connect
    self.response = response
    self.idle = idle
    self.connections = connections
  }
}

/// What can go wrong with an upstream; the text is for the log.
package enum UpstreamFault: Error, Sendable, Equatable {
  case unreachable(String)
  case connectTimeout
  case insecure(String)
  /// It closed the connection without a word.
  case closedBeforeHead
  /// It closed the connection in the middle of an answer.
  case cut(String)
  case responseTimeout
  case idleTimeout
  /// What it sent is not HTTP.
  case invalid(String)
  /// Every connection is taken, and so is every place to wait for one.
  case exhausted

  /// The kind alone, for metrics.
  package var kind: String {
    switch self {
    case .unreachable: "unreachable"
    case .connectTimeout: "connect_timeout"
    case .insecure: "tls"
    case .closedBeforeHead: "closed_before_head"
    case .cut: "cut"
    case .responseTimeout: "response_timeout"
    case .idleTimeout: "idle_timeout"
    case .invalid: "invalid_http"
    case .exhausted: "exhausted"
    }
  }
}
