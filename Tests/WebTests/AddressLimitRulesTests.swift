import NIOCore
import Testing

@testable import Web

@Suite("Strangers are counted by their address")
struct AddressLimitRulesTests {
  private static func moment(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(1000 + seconds) }

  @Test("A minute's worth at once, then the even pace")
  func pace() {
    let limit = AddressLimit(limit: 60)
    let passed = (0..<100).count { _ in limit.take("192.0.2.1", now: Self.moment(0)) == nil }
    #expect(passed == 60)
    #expect(limit.take("192.0.2.1", now: Self.moment(0)) == .seconds(1))
    #expect(limit.take("192.0.2.1", now: Self.moment(1)) == nil)
    #expect(limit.take("192.0.2.1", now: Self.moment(1)) != nil)
    #expect(limit.take("192.0.2.2", now: Self.moment(1)) == nil, "another address is another's")
    let later = (0..<100).count { _ in limit.take("192.0.2.1", now: Self.moment(100)) == nil }
    #expect(later == 60)
  }

  @Test("Looking takes nothing")
  func looking() {
    let limit = AddressLimit(limit: 1)
    for _ in 0..<3 { #expect(limit.wait("192.0.2.1", now: Self.moment(0)) == nil) }
    #expect(limit.take("192.0.2.1", now: Self.moment(0)) == nil)
    #expect(limit.wait("192.0.2.1", now: Self.moment(0)) == .seconds(60))
  }

  @Test(
    "IPv6 counts by its /64, an IPv4 address in IPv6's clothes as IPv4, what is no address as one",
    arguments: [
      ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
      ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
      ("192.0.2.1", "192.0.2.2", false), ("local", "unknown", true), ("::1", "127.0.0.1", false),
    ])
  func networks(one: String, other: String, isSame: Bool) {
    #expect((AddressLimit.Network(one) == AddressLimit.Network(other)) == isSame)
  }

  @Test("Floods from everywhere do not make it remember everybody")
  func isBounded() {
    let limit = AddressLimit(limit: 10)
    for index in 0..<100_000 {
      _ = limit.take("2001:db8:\(String(index >> 16, radix: 16)):\(String(index & 0xFFFF, radix: 16))::1")
    }
    #expect(limit.remembered <= 65_536)
  }
}
