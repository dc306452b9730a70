import Kernel
import NIOCore
import Store
import Testing
import Web

@testable import Accounts

@Suite("Accounts remember who may, on both databases")
struct AccountsStoreTests {
  private static let everything = """
    {"name":"Ünï","tenant":"acme","user":"ann","plan":"free","role":"admin","models":["small","big"],
     "expires_at":"2100-01-31T12:00:00+01:00","metadata":{"a":"1","ü":""},"requests_per_minute":7,
     "concurrent_requests":0}
    """

  private static var plans: AccountsConfiguration {
    var configuration = AccountsConfiguration()
    configuration.plans["free"] = Plan()
    configuration.plans["free"]?.limits = RequestLimits(requestsPerMinute: 10, concurrentRequests: 4)
    configuration.plans["free"]?.models = ["small", "tiny"]
    return configuration
  }

  @Test("What a key was made with comes back, and joins with its plan", arguments: Place.allCases)
  func roundTrip(place: Place) async throws {
    try await AccountsStand(place).open(Self.plans) { accounts in
      let made = try await accounts.make(Self.everything)
      let read = try await accounts.key(made.key.id)
      #expect(read == made.key)
      #expect(read.terms.expiresAt == 4_105_076_400_000)
      let caller = try #require(try await accounts.whoIs(made.secret))
      #expect(caller.principal.models == ["small"])
      #expect(caller.principal.role == .admin)
      #expect(caller.principal.keyID == made.key.id)
      let limits = caller.allotments.map(\.limits)
      #expect(
        limits == [
          RequestLimits(requestsPerMinute: 10, concurrentRequests: 4),
          RequestLimits(requestsPerMinute: 7, concurrentRequests: 0),
        ])
    }
  }

  @Test(
    "A secret is known by its hash alone: neither the hash nor a part of it opens anything", arguments: Place.allCases)
  func hashes(place: Place) async throws {
    try await AccountsStand(place).open { accounts in
      let made = try await accounts.make(#"{"name":"web"}"#)
      let secret = made.secret.reveal()
      #expect(try await accounts.whoIs(made.secret) != nil)
      for wrong in [
        KeyDigest(of: secret).hexadecimal, "apus-" + KeyDigest(of: secret).hexadecimal, String(secret.dropLast()),
        secret + "0", secret.uppercased(), String(secret.dropFirst(5)), " " + secret, "",
      ] {
        let caller = try await accounts.whoIs(Secret(wrong))
        #expect(caller == nil)
      }
      let rows = try await accounts.database.read { try $0.query("SELECT * FROM api_keys") }
      #expect(!"\(rows)".contains(secret) && !"\(rows)".contains(secret.dropFirst(13)))
    }
  }

  @Test(
    "Revoked, changed or rotated on one replica, it is so on the other after its next look", arguments: Place.allCases)
  func replicas(place: Place) async throws {
    let stand = try await AccountsStand(place)
    try await stand.open(Self.plans) { one in
      try await stand.open(Self.plans) { other in
        let made = try await one.make(#"{"name":"web","plan":"free"}"#)
        #expect(try await other.whoIs(made.secret)?.principal.role == .user)
        #expect(other.knows(made.secret))

        let promotion = try Fields(ByteBuffer(string: #"{"role":"admin","plan":null}"#))
        _ = try await one.updateKey(made.key.id, promotion)
        try await other.catchUp()
        #expect(!other.knows(made.secret), "what was changed is looked up again")
        let promoted = try await other.whoIs(made.secret)
        #expect(promoted?.principal.role == .admin)
        #expect(promoted?.allotments.isEmpty == true)

        let rotated = try await one.rotateKey(made.key.id, grace: .zero)
        try await other.catchUp()
        #expect(try await other.whoIs(made.secret) == nil)
        #expect(try await other.whoIs(rotated.secret) != nil)

        try await one.revokeKey(made.key.id)
        #expect(!one.knows(rotated.secret))
        try await other.catchUp()
        #expect(try await other.whoIs(rotated.secret) == nil)
        try await one.revokeKey(made.key.id)  // and again, which is fine
        await #expect(throws: Failure.self) { try await one.rotateKey(made.key.id, grace: .zero) }
      }
    }
  }

  @Test("Within its grace the secret before a rotation still works, and ends by itself", arguments: Place.allCases)
  func grace(place: Place) async throws {
    try await AccountsStand(place).open { accounts in
      let made = try await accounts.make(#"{"name":"web"}"#)
      let rotated = try await accounts.rotateKey(made.key.id, grace: .seconds(3600))
      let old = try #require(try await accounts.whoIs(made.secret))
      let expiry = try #require(old.expiry)
      #expect(expiry - .now() <= .hours(1) && expiry - .now() > .minutes(59))
      #expect(try await accounts.whoIs(rotated.secret)?.expiry == nil)
      let again = try await accounts.rotateKey(made.key.id, grace: .seconds(3600))
      #expect(try await accounts.whoIs(made.secret) == nil, "one secret back, and no further")
      #expect(try await accounts.whoIs(rotated.secret) != nil)
      #expect(try await accounts.whoIs(again.secret) != nil)
    }
  }

  @Test(
    "A user's limits stand in place of the plan's, for all of their keys, and are taken back", arguments: Place.allCases
  )
  func userLimits(place: Place) async throws {
    let stand = try await AccountsStand(place)
    try await stand.open(Self.plans) { one in
      try await stand.open(Self.plans) { other in
        let user = UserName(tenant: "acme", user: "ann")
        let first = try await one.make(#"{"name":"1","plan":"free","tenant":"acme","user":"ann"}"#)
        let second = try await one.make(#"{"name":"2","plan":"free","tenant":"acme","user":"ann"}"#)
        let stranger = try await one.make(#"{"name":"3","plan":"free","user":"ann"}"#)
        let allowance = try #require(try await other.whoIs(first.secret)?.allotments.first?.allowance)
        #expect(try await other.whoIs(second.secret)?.allotments.first?.allowance === allowance)
        #expect(try await other.whoIs(stranger.secret)?.allotments.first?.allowance !== allowance)
        try await one.setLimits(RequestLimits(requestsPerMinute: 99), of: user)
        try await other.catchUp()
        #expect(
          try await other.whoIs(first.secret)?.allotments.first?.allowance === allowance, "what was used stays counted")
        let raised = try await other.whoIs(first.secret)?.allotments.first?.limits
        #expect(raised == RequestLimits(requestsPerMinute: 99, concurrentRequests: 4))
        #expect(try await other.limits(of: user) == RequestLimits(requestsPerMinute: 99))
        try await one.setLimits(RequestLimits(), of: user)
        try await other.catchUp()
        #expect(try await other.whoIs(first.secret)?.allotments.first?.limits.requestsPerMinute == 10)
      }
    }
  }

  @Test(
    "Limits belong to the caller: a key or a token without a plan does not lift those of others",
    arguments: Place.allCases)
  func ownLimits(place: Place) async throws {
    try await AccountsStand(place).open(Self.plans) { accounts in
      let limited = try await accounts.make(#"{"name":"1","plan":"free","user":"ann"}"#)
      let free = try await accounts.make(#"{"name":"2","user":"ann"}"#)
      let before = try #require(try await accounts.whoIs(limited.secret)?.allotments.first)
      let unlimited = try await accounts.whoIs(free.secret)
      #expect(unlimited?.allotments.isEmpty == true)
      let after = try #require(try await accounts.whoIs(limited.secret)?.allotments.first)
      #expect(after.limits == before.limits && after.limits.requestsPerMinute == 10)
      #expect(after.allowance === before.allowance)
    }
  }

  @Test("Pages hold every key once, the youngest first, whatever is made meanwhile", arguments: Place.allCases)
  func pages(place: Place) async throws {
    try await AccountsStand(place).open { accounts in
      var made: Set<String> = []
      for index in 0..<25 { made.insert(try await accounts.make(#"{"name":"k\#(index)","tenant":"t"}"#).key.id) }
      var query = Accounts.KeyQuery()
      query.limit = 10
      query.tenant = "t"
      var seen: [APIKey] = []
      repeat {
        let page = try await accounts.keys(query)
        #expect(page.keys.count <= 10)
        seen += page.keys
        query.cursor = page.nextCursor
        _ = try await accounts.make(#"{"name":"late","tenant":"t"}"#)
      } while query.cursor != nil
      #expect(Set(seen.map(\.id)) == made && seen.count == 25)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.createdAt >= $1.createdAt })
      query.tenant = "nobody"
      #expect(try await accounts.keys(query).keys.isEmpty)
    }
  }

  @Test("Changes made at once are all seen: none slips past a replica's last look", arguments: Place.allCases)
  func changesAtOnce(place: Place) async throws {
    let stand = try await AccountsStand(place)
    try await stand.open { one in
      try await stand.open { other in
        var keys: [Accounts.NewKey] = []
        for index in 0..<40 { keys.append(try await one.make(#"{"name":"k\#(index)"}"#)) }
        for key in keys { #expect(try await other.whoIs(key.secret) != nil) }
        await withThrowingTaskGroup(of: Void.self) { tasks in
          for key in keys { tasks.addTask { try await one.revokeKey(key.key.id) } }
          tasks.addTask { for _ in 0..<20 { try await other.catchUp() } }
        }
        try await other.catchUp()
        for key in keys { #expect(!other.knows(key.secret)) }
      }
    }
  }

  @Test(
    "Nobody but the configuration's keys is believed longer than the database was heard of", arguments: Place.allCases)
  func age(place: Place) async throws {
    var configuration = AccountsConfiguration()
    configuration.identityMaxAge = .nanoseconds(1)
    try await AccountsStand(place).open(configuration) { accounts in
      let made = try await accounts.make(#"{"name":"web"}"#)
      #expect(try await accounts.whoIs(made.secret) != nil)
      #expect(!accounts.knows(made.secret))
      #expect(accounts.knows(AccountsStand.adminKey))
    }
  }

  @Test("Another configuration asks anew, and a plan that is gone says so", arguments: Place.allCases)
  func reconfigured(place: Place) async throws {
    try await AccountsStand(place).open(Self.plans) { accounts in
      let made = try await accounts.make(#"{"name":"web","plan":"free"}"#)
      #expect(try await accounts.whoIs(made.secret) != nil)
      try accounts.reconfigure(AccountsConfiguration(), adminKey: nil)
      #expect(!accounts.knows(AccountsStand.adminKey))
      let failure = await #expect(throws: Failure.self) { try await accounts.whoIs(made.secret) }
      #expect(failure?.reason == "unknown_plan")
      try accounts.reconfigure(Self.plans, adminKey: nil)
      #expect(try await accounts.whoIs(made.secret) != nil)
    }
  }
}
