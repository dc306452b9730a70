import Kernel
import Testing
import Wire

@testable import Store

@Suite("Where the shared memory is stands in one URL")
struct SharedMemoryURLRulesTests {
  private typealias Location = SharedMemoryConfiguration.Location

  private static func tcp(_ host: String, _ port: Int, isSecure: Bool = false) -> UpstreamOrigin {
    UpstreamOrigin(.tcp(host: host, port: port), isSecure: isSecure)
  }

  @Test("Every form is read")
  func forms() {
    let forms: [(String, RedisLocation)] = [
      ("redis://cache", RedisLocation(origin: Self.tcp("cache", 6379))),
      ("redis://127.0.0.1:7000/", RedisLocation(origin: Self.tcp("127.0.0.1", 7000))),
      ("redis://cache:7000/3", RedisLocation(origin: Self.tcp("cache", 7000), database: 3)),
      ("rediss://cache.example", RedisLocation(origin: Self.tcp("cache.example", 6379, isSecure: true))),
      ("redis://[::1]:7000", RedisLocation(origin: Self.tcp("::1", 7000))),
      ("redis://:secret@cache", RedisLocation(origin: Self.tcp("cache", 6379), password: Secret("secret"))),
      (
        "redis://ann:s%40%2F%3Ac@cache:1/2",
        RedisLocation(origin: Self.tcp("cache", 1), user: "ann", password: Secret("s@/:c"), database: 2)
      ),
      ("redis+unix:/run/redis.sock", RedisLocation(origin: UpstreamOrigin(.unix(path: "/run/redis.sock")))),
      (
        "redis+unix://:secret@/a?db=4",
        RedisLocation(origin: UpstreamOrigin(.unix(path: "/a")), password: Secret("secret"), database: 4)
      ),
      ("redis+unix:///a?db=4", RedisLocation(origin: UpstreamOrigin(.unix(path: "/a")), database: 4)),
    ]
    var ownAuthority = RedisLocation(origin: Self.tcp("cache", 6379, isSecure: true), database: 1)
    ownAuthority.trustedCertificates = "/etc/my ca.pem"
    #expect(Location(url: "rediss://cache/1?ca=/etc/my%20ca.pem") == .redis(ownAuthority))
    for (url, location) in forms { #expect(Location(url: url) == .redis(location), "\(url)") }
    #expect(Location(url: "memory:") == .memory)
  }

  @Test(
    "What is none is refused",
    arguments: [
      "", "memory", "memory:x", "redis", "redis:", "redis://", "redis:cache", "http://cache", "cache:6379",
      "redis://cache:0", "redis://cache:65536", "redis://cache:x", "redis://cache/x", "redis://cache/-1",
      "redis://cache/1234567", "redis://cache/1/2", "redis://cache?db=1", "redis://cache#a", "redis://ann@cache",
      "redis://ann:@cache", "redis://:@cache", "redis+unix:", "redis+unix:a", "redis+unix://host/a", "redis+unix:/",
      "redis+unix:/a?db=", "redis://cache?ca=/a", "rediss://cache?ca=", "rediss://cache?ca",
      "rediss://cache?ca=/a&db=1",
      "rediss://cache?ca=/a&ca=/b", "redis+unix:/a?x=1", "redis+unix:/" + String(repeating: "a", count: 107),
    ])
  func refused(url: String) {
    #expect(Location(url: url) == nil)
  }

  @Test("A password is never printed")
  func secret() throws {
    let location = try #require(Location(url: "rediss://ann:geheim@cache:7000/2"))
    #expect(!"\(location) \(String(reflecting: location))".contains("geheim"))
    guard case .redis(let redis) = location else { return _ = Issue.record("it is no Redis") }
    #expect("\(redis)" == "rediss://cache:7000/2")
    var output = ""
    dump(location, to: &output)
    #expect(!output.contains("geheim"))
    #expect("\(RedisLocation(origin: Self.tcp("::1", 1)))" == "redis://[::1]:1/0")
  }
}

@Suite("Subscriptions are in place when the last word about them is confirmed")
struct RedisSubscriptionRulesTests {
  @Test("What is wanted is asked for once, and in place when confirmed")
  func subscribe() {
    var ledger = SubscriptionLedger()
    #expect(ledger.want("a") == true)
    #expect(ledger.want("a") == false)
    #expect(!ledger.isInPlace("a"))
    #expect(ledger.confirm("a") == true)
    #expect(ledger.isInPlace("a"))
    #expect(!ledger.isInPlace("b"))
    #expect(ledger.confirm("b") == false)
  }

  @Test("Left and wanted again before anything was confirmed, only the last confirmation counts")
  func again() {
    var ledger = SubscriptionLedger()
    #expect(ledger.leave("a") == false)
    #expect(ledger.want("a") && ledger.leave("a") && ledger.want("a"))
    #expect(ledger.confirm("a") == false)
    #expect(ledger.confirm("a") == false)
    #expect(!ledger.isInPlace("a"))
    #expect(ledger.confirm("a") == true)
    #expect(ledger.leave("a") == true)
    #expect(ledger.leave("a") == false)
    #expect(!ledger.isInPlace("a"))
    #expect(ledger.confirm("a") == false)
    #expect(ledger.want("a") == true)
  }

  @Test("With the connection all of it is gone")
  func gone() {
    var ledger = SubscriptionLedger()
    #expect(ledger.want("a") && ledger.confirm("a"))
    ledger.removeAll()
    #expect(!ledger.isInPlace("a"))
    #expect(ledger.confirm("a") == false)
    #expect(ledger.want("a") == true)
  }
}
