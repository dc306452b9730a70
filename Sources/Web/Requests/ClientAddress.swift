import Glibc
import NIOCore

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.
package struct AddressRange: Sendable, Equatable {
  private let bytes: [UInt8]
  private let prefixLength: Int

  /// Reads a range; nil when it is not one.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let bytes = Self.bytes(of: String(parts[0])) else { return nil }
    guard let length = parts.count == 1 ? bytes.count * 8 : Int(parts[1]), (0...bytes.count * 8).contains(length) else {
      return nil
    }
    self.bytes = bytes
    prefixLength = length
  }

  /// Whether an address lies in the range.
  package func contains(_ address: String) -> Bool {
    guard let other = Self.bytes(of: address), other.count == bytes.count else { return false }
    let whole = prefixLength / 8
    guard bytes.prefix(whole) == other.prefix(whole) else { return false }
    guard prefixLength % 8 > 0 else { return true }
    let mask = ~UInt8(0) << UInt8(8 - prefixLength % 8)
    return bytes[whole] & mask == other[whole] & mask
  }

  private static func bytes(of address: String) -> [UInt8]? {
    for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: length)
      if inet_pton(family, address, &bytes) == 1 { return bytes }
    }
    return nil
  }
}

/// Finds out who is really at the other end.
package struct ClientAddress: Sendable {
  private let trustedProxies: [AddressRange]

  /// Believes the `X-Forwarded-For` of these proxies alone.
  package init(trustedProxies: [String]) {
    self.trustedProxies = trustedProxies.compactMap(AddressRange.init)
  }

  /// The address next to the last proxy that is trusted, counted from the connection itself.
  package func resolve(peer: String, forwardedFor: [String]) -> String {
    var address = peer
    let hops = forwardedFor.flatMap { $0.split(separator: ",") }
    for hop in hops.reversed() {
      guard trustedProxies.contains(where: { $0.contains(address) }) else { return address }
      let candidate = hop.drop { $0 == " " }.prefix { $0 != " " }
      // Throws for what is not an address: then the proxy's own is the last that is known.
      guard (try? SocketAddress(ipAddress: String(candidate), port: 0)) != nil else { return address }
      address = String(candidate)
    }
    return address
  }
}
