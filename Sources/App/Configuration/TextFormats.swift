#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Texts with a rule.
extension SettingFormat where Value == String {
  /// The path of a file or folder, or the name of a command.
  static var path: SettingFormat {
    text("a path", "Write a path; a relative one starts at the working folder.") { path in
      path.isEmpty || path.contains("\0") ? nil : path
    }
  }

  /// What the server binds to.
  static var host: SettingFormat {
    text("an address or host name such as 127.0.0.1", "Write 127.0.0.1 for this machine alone, 0.0.0.0 for all.") {
      $0.wholeMatch(of: /[A-Za-z0-9._-]+/) != nil || addressBits($0) != nil ? $0 : nil
    }
  }

  /// A name in logs, metrics and requests.
  static var name: SettingFormat {
    text("a name of 1 to 128 printable characters", "Give it another name.") { name in
      (1...128).contains(name.count) && name.unicodeScalars.allSatisfy(\.isPrintable) ? name : nil
    }
  }

  /// A provider's name, which also stands in environment variables.
  static var providerName: SettingFormat {
    text("a name of letters, digits, '-' and '_'", "Give the provider another name, and its targets too.") {
      $0.wholeMatch(of: /[A-Za-z0-9_-]{1,128}/) != nil ? $0 : nil
    }
  }

  /// An upstream's address; a trailing slash is taken off.
  static var baseURL: SettingFormat {
    text(
      "an address such as https://api.openai.com/v1",
      "Write http:// or https://, a host and a path; no user, password, query or fragment."
    ) { address in
      guard let match = address.wholeMatch(of: /(?i:https?):\/\/([^\/?#@]+)((?:\/[!-~&&[^?#@]]*)?)/),
        isAuthority(match.1)
      else { return nil }
      return String(address.reversed().drop { $0 == "/" }.reversed())
    }
  }

  /// An origin as browsers send it, or `*`.
  static var origin: SettingFormat {
    text("an origin such as https://app.example.com, or *", "Write scheme://host[:port], without a path.") { origin in
      if origin == "*" { return origin }
      guard let match = origin.wholeMatch(of: /[A-Za-z][A-Za-z0-9+.-]*:\/\/([^\/?#@]+)/), isAuthority(match.1) else {
        return nil
      }
      return origin.lowercased()
    }
  }

  /// A network in CIDR; a single address becomes the network that holds it alone.
  static var network: SettingFormat {
    text("a network such as 10.0.0.0/8", "Write an address, a slash and the number of leading bits.") { network in
      let parts = network.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard let address = parts.first, let bits = addressBits(String(address)) else { return nil }
      guard parts.count == 2 else { return "\(address)/\(bits)" }
      guard parts[1].allSatisfy(\.isWholeNumber), let prefix = Int(parts[1]), prefix <= bits else { return nil }
      return "\(address)/\(prefix)"
    }
  }

  /// A secret that callers present.
  static var callerKey: SettingFormat {
    text(
      "at least 32 printable ASCII characters without spaces",
      "Make one with: openssl rand -hex 32"
    ) { $0.utf8.count >= 32 && $0.utf8.allSatisfy(isVisibleASCII) ? $0 : nil }
  }

  /// A secret that goes into a header.
  static var headerKey: SettingFormat {
    text("printable ASCII characters without spaces", "Copy the key again, without quotes or line breaks.") {
      !$0.isEmpty && $0.utf8.allSatisfy(isVisibleASCII) ? $0 : nil
    }
  }

  private static func text(
    _ expectation: String, _ remedy: String, read: @escaping @Sendable (String) -> String?
  ) -> SettingFormat {
    SettingFormat(expectation: expectation, remedy: remedy, read: read, write: { $0 })
  }
}

/// `host` or `host:port`, the host a name, an IPv4 address or an IPv6 address in brackets.
private func isAuthority(_ text: Substring) -> Bool {
  guard let match = text.wholeMatch(of: /(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/) else {
    return false
  }
  if let address = match.1, addressBits(String(address)) != 128 { return false }
  return match.2.flatMap { Int($0) }.map { (1...65_535).contains($0) } ?? true
}

/// 32 for an IPv4 address, 128 for an IPv6 address, none for anything else.
private func addressBits(_ text: String) -> Int? {
  var bytes = [UInt8](repeating: 0, count: 16)
  if inet_pton(AF_INET, text, &bytes) == 1 { return 32 }
  return inet_pton(AF_INET6, text, &bytes) == 1 ? 128 : nil
}

private func isVisibleASCII(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

extension Unicode.Scalar {
  /// Whether it shows, or is a space.
  var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
    default: true
    }
  }
}
