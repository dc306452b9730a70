import Kernel
import NIOCore
import Testing
import Web

@testable import Accounts

@Suite("A key ring forgets what it must, and nothing comes back by the back door")
struct KeyRingRulesTests {
  private static func caller(_ name: String, expiry: NIODeadline? = nil) -> Caller {
    Caller(principal: Principal(name: name, role: .user), expiry: expiry)
  }

  private static func digest(_ text: String) -> KeyDigest { KeyDigest(of: text) }

  private static func ring() -> KeyRing {
    let ring = KeyRing()
    ring.confirm(at: .now(), for: .seconds(60))
    return ring
  }

  @Test("Who is remembered is known, until they are forgotten")
  func remembers() {
    let ring = Self.ring()
    let ann = UserName(tenant: "t", user: "ann")
    ring.remember(Self.caller("1"), .key(id: "key_1", user: ann), for: Self.digest("1"), since: ring.moment)
    ring.remember(Self.caller("2"), .token(ann), for: Self.digest("2"), since: ring.moment)
    ring.remember(Self.caller("3"), .key(id: "key_3", user: nil), for: Self.digest("3"), since: ring.moment)
    #expect(["1", "2", "3"].allSatisfy { ring.caller(for: Self.digest($0))?.principal.name == $0 })
    #expect(ring.caller(for: Self.digest("4")) == nil)
    ring.forget(keyIDs: ["key_3"], users: [])
    #expect(ring.caller(for: Self.digest("3")) == nil)
    #expect(ring.caller(for: Self.digest("1")) != nil)
    ring.forget(keyIDs: [], users: [ann])
    #expect(ring.caller(for: Self.digest("1")) == nil)
    #expect(ring.caller(for: Self.digest("2")) == nil)
  }

  @Test("What was looked up before something was forgotten is not remembered")
  func lateLookup() {
    let ring = Self.ring()
    let moment = ring.moment
    ring.forget(keyIDs: ["key_1"], users: [])
    ring.remember(Self.caller("1"), .key(id: "key_1", user: nil), for: Self.digest("1"), since: moment)
    #expect(ring.caller(for: Self.digest("1")) == nil)
  }

  @Test("An end is an end, and who is not confirmed is not believed; the configuration needs no confirmation")
  func ends() {
    let ring = KeyRing()
    ring.replaceAll(with: [(Self.digest("c"), Self.caller("c"))])
    ring.remember(Self.caller("k"), .key(id: "key_1", user: nil), for: Self.digest("k"), since: ring.moment)
    #expect(ring.caller(for: Self.digest("c")) != nil)
    #expect(ring.caller(for: Self.digest("k")) == nil)
    ring.confirm(at: .now(), for: .seconds(60))
    #expect(ring.caller(for: Self.digest("k")) != nil)
    ring.confirm(at: .now() - .seconds(61), for: .seconds(60))
    #expect(ring.caller(for: Self.digest("k")) == nil)
    let past = Self.caller("t", expiry: .now() - .nanoseconds(1))
    ring.remember(past, .token(UserName(tenant: nil, user: "t")), for: Self.digest("t"), since: ring.moment)
    #expect(ring.caller(for: Self.digest("t")) == nil)
    ring.replaceAll(with: [])
    #expect(ring.caller(for: Self.digest("c")) == nil)
  }

  @Test("It holds so many and no more, and the configuration's keys stay")
  func isBounded() {
    let ring = Self.ring()
    ring.replaceAll(with: [(Self.digest("c"), Self.caller("c"))])
    let caller = Self.caller("x")
    for index in 0..<150_000 {
      ring.remember(caller, .key(id: "k", user: nil), for: Self.digest("\(index)"), since: ring.moment)
    }
    #expect(ring.count <= KeyRing.capacity)
    #expect(ring.count > KeyRing.capacity / 2)
    #expect(ring.caller(for: Self.digest("c")) != nil)
  }
}
