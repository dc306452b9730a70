import Glibc
import NIOCore
import Synchronization

/// Holds clients that have not said who they are to so many requests per minute and address.
///
/// An address may send a whole minute's worth at once, and then goes on at the even pace (GCRA): eight bytes an
/// address, and at most `capacity` of them. IPv6 addresses count by their /64, which is what one customer has.
package final class AddressLimit: Sendable {
  /// What counts as one address.
  struct Network: Hashable {
    let bits: UInt64
    let isIPv4: Bool

    /// Reads an address; what is none counts as one that all such clients share.
    init(_ address: String) {
      var four = in_addr()
      if inet_pton(AF_INET, address, &four) == 1 {
        (bits, isIPv4) = (UInt64(four.s_addr), true)
        return
      }
      var six = [UInt8](repeating: 0, count: 16)
      guard inet_pton(AF_INET6, address, &six) == 1 else {
        (bits, isIPv4) = (0, true)
        return
      }
      let isMapped = six[..<10].allSatisfy { $0 == 0 } && six[10] == 0xFF && six[11] == 0xFF
      let bytes = six.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      let mapped = six.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 12, as: UInt32.self) }
      (bits, isIPv4) = isMapped ? (UInt64(mapped), true) : (bytes, false)
    }
  }

  /// How many addresses are remembered.
  private static let capacity = 65_536
  private static let minute: Int64 = 60_000_000_000

  /// Requests per minute and address.
  let limit: Int
  /// The time to which an address has used its pace up, in nanoseconds.
  private let used = Mutex<[Network: Int64]>([:])

  /// How many addresses are remembered now.
  var remembered: Int { used.withLock { $0.count } }

  /// A limit of so many requests per minute and address.
  package init(limit: Int) {
    self.limit = limit
  }

  /// Takes one request of an address; nil when there was room, else how long until there is.
  func take(_ address: String, now: NIODeadline = .now()) -> Duration? {
    let now = Int64(now.uptimeNanoseconds)
    let network = Network(address)
    return used.withLock { used in
      let begin = max(used[network] ?? 0, now)
      let wait = begin + Self.minute / Int64(limit) - Self.minute - now
      if wait > 0 { return .nanoseconds(wait) }
      if used[network] == nil, used.count >= Self.capacity { Self.makeRoom(in: &used, now) }
      used[network] = begin + Self.minute / Int64(limit)
      return nil
    }
  }

  /// Whether an address has anything left; nothing is taken.
  func wait(_ address: String, now: NIODeadline = .now()) -> Duration? {
    let now = Int64(now.uptimeNanoseconds)
    let network = Network(address)
    let wait = used.withLock { max($0[network] ?? 0, now) } + Self.minute / Int64(limit) - Self.minute - now
    return wait > 0 ? .nanoseconds(wait) : nil
  }

  /// Those that have all of their pace again are forgotten; where there are none, somebody is.
  private static func makeRoom(in used: inout [Network: Int64], _ now: Int64) {
    used = used.filter { $0.value > now }
    guard used.count >= capacity * 7 / 8 else { return }
    for victim in Array(used.keys.prefix(capacity / 8)) { used[victim] = nil }
  }
}
