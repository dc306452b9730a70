import NIOCore
import NIOSSL
import Wire

/// Whose certificates are believed, read from the disk once, and the name that the server's must have.
struct RedisTLS: Sendable {
  private let context: Result<NIOSSLContext, any Error>
  private let name: String?

  /// Nil where the connection is none of TLS. Certificates that cannot be read fail each connection, which says why.
  init?(_ location: RedisLocation) {
    guard location.origin.isSecure, case .tcp(let host, _) = location.origin.address else { return nil }
    var settings = TLSConfiguration.makeClientConfiguration()
    if let path = location.trustedCertificates { settings.trustRoots = .file(path) }
    context = Result { [settings] in try NIOSSLContext(configuration: settings) }
    // An address is verified as such, and must not be sent as a name.
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil  // throws for what is a name
    name = isAddress ? nil : host
  }

  func makeHandler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(context: context.get(), serverHostname: name)
  }
}
