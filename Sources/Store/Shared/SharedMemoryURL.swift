import FoundationEssentials
import Kernel
import Wire

extension SharedMemoryConfiguration.Location {
  /// What `init(url:)` takes, for the message about what it does not.
  package static let expected = """
    'memory:', 'redis://[user:password@]host[:port][/db]', the same with 'rediss://' and perhaps '?ca=PATH' for TLS, \
    or 'redis+unix:/path[?db=N]' ('redis+unix://:password@/path')
    """

  /// Reads `shared.url`; nil for what is none of `expected`.
  ///
  /// What is special in a URL stands as `%XX` in user and password; the user may be empty (`redis://:password@host`).
  package init?(url: String) {
    if url == "memory:" {
      self = .memory
      return
    }
    guard let parts = URLComponents(string: url), parts.fragment == nil else { return nil }
    let location =
      switch parts.scheme {
      case "redis": RedisLocation(network: parts, isSecure: false)
      case "rediss": RedisLocation(network: parts, isSecure: true)
      case "redis+unix": RedisLocation(socket: parts)
      default: RedisLocation?.none
      }
    guard let location else { return nil }
    self = .redis(location)
  }
}

extension RedisLocation: CustomStringConvertible {
  /// As a URL without user and password, for logs and `apus doctor`.
  package var description: String {
    switch origin.address {
    case .unix(let path): "redis+unix:\(path)?db=\(database)"
    case .tcp(let host, let port):
      "\(origin.isSecure ? "rediss" : "redis")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }
  }

  /// `//[user:password@]host[:port][/db][?ca=PATH]`
  fileprivate init?(network parts: URLComponents, isSecure: Bool) {
    guard let host = parts.host, !host.isEmpty else { return nil }
    let options = parts.queryItems ?? []
    let authorities = options.first { $0.name == "ca" && isSecure }?.value
    guard options.count == (authorities == nil ? 0 : 1), authorities?.isEmpty != true else { return nil }
    let port = parts.port ?? 6379
    let path = parts.path.drop { $0 == "/" }
    guard (1...65_535).contains(port), let database = path.isEmpty ? 0 : Self.databaseNumber(path) else { return nil }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    guard let (user, password) = Self.credentials(parts) else { return nil }
    self.init(
      origin: UpstreamOrigin(.tcp(host: bare, port: port), isSecure: isSecure), user: user, password: password,
      database: database)
    trustedCertificates = authorities
  }

  /// `/path[?db=N]`, or the same after `//` or `//user:password@`.
  fileprivate init?(socket parts: URLComponents) {
    let path = parts.path
    guard (parts.host ?? "").isEmpty, let (user, password) = Self.credentials(parts), path.hasPrefix("/") else {
      return nil
    }
    guard (2..<108).contains(path.utf8.count) else { return nil }  // the length of sun_path, with its NUL
    var database: Int? = 0
    if let query = parts.query {
      database = query.hasPrefix("db=") ? Self.databaseNumber(query.dropFirst(3)) : nil
    }
    guard let database else { return nil }
    self.init(origin: UpstreamOrigin(.unix(path: path)), user: user, password: password, database: database)
  }

  /// Nil for a user without a password, and for a password that was left empty, which are slips.
  private static func credentials(_ parts: URLComponents) -> (user: String?, password: Secret?)? {
    let password = parts.password ?? ""
    guard password.isEmpty == (parts.user == nil) else { return nil }
    return (parts.user.flatMap { $0.isEmpty ? nil : $0 }, password.isEmpty ? nil : Secret(password))
  }

  private static func databaseNumber(_ text: Substring) -> Int? {
    text.utf8.count <= 6 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
  }
}
