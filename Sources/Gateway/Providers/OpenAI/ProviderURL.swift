import FoundationEssentials
package import Wire

/// An `http` or `https` URL from the configuration, taken apart.
package struct ProviderURL: Sendable, Equatable {
  /// Where to connect to.
  package let origin: UpstreamOrigin
  /// Without a slash at its end.
  package let path: String

  /// Reads a URL; nil when it has no host, or is of another scheme.
  package init?(_ text: String) {
    guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty else { return nil }
    let isSecure = url.scheme?.lowercased() == "https"
    guard isSecure || url.scheme?.lowercased() == "http" else { return nil }
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    origin = UpstreamOrigin(.tcp(host: bare, port: url.port ?? (isSecure ? 443 : 80)), isSecure: isSecure)
    var path = url.percentEncodedPath[...]
    while path.hasSuffix("/") { path = path.dropLast() }
    self.path = String(path)
  }
}
