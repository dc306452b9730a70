package import Kernel
package import NIOCore

/// How the server listens and what it accepts; the `server` section of `apus.yaml`.
package struct ServerConfiguration: Sendable, Equatable {
  /// Where the certificate and its key are; both PEM files.
  package struct TLS: Sendable, Equatable {
    /// The path of the certificate, followed by its chain.
    package var certificate: String
    /// The path of the private key.
    package var key: String

    /// Makes a pair of paths.
    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// The address to listen on. Defaults to `127.0.0.1`: reachable from this machine alone.
  package var host = "127.0.0.1"
  /// The port to listen on; 0 takes a free one and logs which. Defaults to 8080.
  package var port = 8080
  /// The largest request body. A larger one is answered 413. Defaults to 32MiB.
  package var maxBody = ByteCount.mebibytes(32)
  /// Open connections at once; further ones wait in the system's queue. Defaults to 8192.
  package var maxConnections = 8192
  /// How long a kept-alive connection may be silent between requests. Defaults to 75s.
  package var idleTimeout = Duration.seconds(75)
  /// How long a request's head may take to arrive, and its body beyond 8 KiB/s. Defaults to 30s.
  package var requestTimeout = Duration.seconds(30)
  /// How long a client may take no byte of an answer that waits for it. Defaults to 60s.
  package var writeTimeout = Duration.seconds(60)
  /// How long `/health/ready` says "stopping" before new connections are refused. Defaults to 0s.
  package var shutdownDelay = Duration.zero
  /// How long running requests may take to finish at a stop; then they are cut. Defaults to 30s.
  package var shutdownTimeout = Duration.seconds(30)
  /// The certificate; none means plain HTTP. Defaults to none.
  package var tls: TLS?
  /// The origins (`https://app.example.com`, or `*`) that browsers may call from. Defaults to none.
  package var corsOrigins: [String] = []
  /// The addresses (CIDR) whose `X-Forwarded-For` is believed. Defaults to none.
  package var trustedProxies: [String] = []

  /// The defaults.
  package init() {}
}

extension Duration {
  /// The same length for SwiftNIO, to the nanosecond.
  package var timeAmount: TimeAmount {
    .nanoseconds(components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000)
  }
}
