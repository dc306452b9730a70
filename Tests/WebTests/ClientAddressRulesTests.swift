import Testing
import Web

@Suite("A client's address is believed as far as the proxies are trusted")
struct ClientAddressRulesTests {
  @Test(
    "A range holds the addresses that begin like it",
    arguments: [
      ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3", "10.1.2.3", true),
      ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false),
      ("192.168.0.0/23", "192.168.1.255", true), ("192.168.0.0/23", "192.168.2.0", false),
      ("172.16.0.0/12", "172.31.0.1", true), ("172.16.0.0/12", "172.32.0.1", false),
      // The bits beyond the length do not count.
      ("10.9.9.9/8", "10.0.0.1", true), ("127.0.0.1/32", "127.0.0.1", true), ("127.0.0.1/31", "127.0.0.0", true),
      ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
      ("2001:db8::/33", "2001:db8:8000::", false), ("::1", "0:0:0:0:0:0:0:1", true), ("::/0", "fe80::1", true),
      ("::/0", "1.2.3.4", false), ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
      ("10.0.0.0/8", "local", false), ("10.0.0.0/8", "", false), ("10.0.0.0/8", "10.0.0.1 ", false),
    ])
  func ranges(text: String, address: String, isInside: Bool) throws {
    #expect(try #require(AddressRange(text)).contains(address) == isInside)
  }

  @Test(
    "What is not a range is none",
    arguments: [
      "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0.0", "256.0.0.1",
      "::/129", "::g", "localhost", "10.0.0.0/ 8", " 10.0.0.0/8", "10.0.0.0/eight", "[::1]", "*",
    ])
  func notRanges(text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(
    "The address is the one next to the last trusted proxy",
    arguments: [
      // Nobody asked, or nobody may be believed.
      ("10.0.0.1", [], "10.0.0.1"), ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
      ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"), ("10.0.0.1", ["1.2.3.4, 10.0.0.2"], "1.2.3.4"),
      // A client that writes its own chain is seen through: its proxy adds the truth at the end.
      ("10.0.0.1", ["9.9.9.9, 8.8.8.8, 1.2.3.4"], "1.2.3.4"), ("10.0.0.1", ["10.0.0.7, 1.2.3.4"], "1.2.3.4"),
      ("10.0.0.1", ["9.9.9.9", "1.2.3.4, 10.0.0.2"], "1.2.3.4"), ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
      // What is no address ends the chain.
      ("10.0.0.1", ["unknown"], "10.0.0.1"), ("10.0.0.1", ["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
      ("10.0.0.1", [""], "10.0.0.1"), ("10.0.0.1", [", ,"], "10.0.0.1"), ("10.0.0.1", ["1.2.3.4\n"], "10.0.0.1"),
      ("10.0.0.1", ["1.2.3.4:80"], "10.0.0.1"), ("10.0.0.1", ["  1.2.3.4  "], "1.2.3.4"),
      ("::1", ["2001:db8::1"], "2001:db8::1"), ("::1", ["1.2.3.4,::1"], "1.2.3.4"), ("local", ["1.2.3.4"], "local"),
    ])
  func chains(peer: String, forwarded: [String], expected: String) {
    let address = ClientAddress(trustedProxies: ["10.0.0.0/8", "::1"])
    #expect(address.resolve(peer: peer, forwardedFor: forwarded) == expected)
  }

  @Test("Without a trusted proxy nobody is believed")
  func none() {
    #expect(ClientAddress(trustedProxies: []).resolve(peer: "10.0.0.1", forwardedFor: ["1.2.3.4"]) == "10.0.0.1")
  }
}
