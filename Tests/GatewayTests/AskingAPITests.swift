import Kernel
import NIOHTTP1
import TestKit
import Testing
import Web

@Suite("While the door asks who is there, the connection waits and nothing is lost")
struct AskingAPITests {
  /// An authenticator that knows nobody at once, and finds `caller` once the gate is open.
  private struct Lookup: Sendable {
    let gate = Gate()
    let asked = Watched(0)

    func authenticator(_ result: Result<Caller, Failure>) -> Authenticator {
      Authenticator(
        known: { _ in nil },
        find: { _, _ throws(Failure) in
          asked.change { $0 += 1 }
          try? await gate.pass()  // a gate that stays closed fails the test that waits for the answer
          return try result.get()
        })
    }
  }

  private static let ann = Caller(principal: Principal(name: "ann", role: .user))

  @Test("The body and the requests behind it wait for the answer, and are served in order", arguments: Way.allCases)
  func waits(way: Way) async throws {
    let lookup = Lookup()
    let settings = Stand.Settings { $0.authenticator = lookup.authenticator(.success(Self.ann)) }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      let requests = (1...3).map { way.request(headers: ["x-request-id: \($0)"]) }
      try await client.send(String(requests.joined().dropLast(20)))
      try await lookup.asked.wait(for: "the question") { $0 == 1 ? () : nil }
      #expect(stand.reached(way) == 0)
      try await client.send(String(requests.joined().suffix(20)))
      lookup.gate.open()
      for id in ["1", "2", "3"] {
        let answer = try await client.answer()
        #expect(answer.status == 200)
        #expect(answer.headers["x-request-id"] == [id])
      }
      #expect(lookup.asked.value == 3)
      #expect(try await stand.requestLog(of: 3).map { $0["key"] as? String } == ["ann", "ann", "ann"])
    }
  }

  @Test(
    "What cannot be found out is 503, what is no key 401, and the connection stays",
    arguments: [(Failure.Code.unavailable, 503), (.unauthenticated, 401)], Way.allCases)
  func refused(failure: (code: Failure.Code, status: Int), way: Way) async throws {
    let lookup = Lookup()
    lookup.gate.open()
    let settings = Stand.Settings {
      $0.authenticator = lookup.authenticator(.failure(Failure(failure.code, reason: "so", "So.")))
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      for _ in 0..<2 {
        try await client.send(way.request())
        let answer = try await client.answer()
        #expect(answer.status == failure.status)
        #expect(try answer.errorCode == "so")
      }
      #expect(stand.reached(way) == 0)
    }
  }

  @Test(
    "A client that goes away meanwhile is forgotten, and what it would have entered is free", arguments: Way.allCases)
  func goesAway(way: Way) async throws {
    let lookup = Lookup()
    let limits = RequestLimits(concurrentRequests: 1)
    let allowance = Allowance(subject: "ann", source: nil)
    let caller = Caller(principal: Principal(name: "ann", role: .user), allotments: [Allotment(limits, of: allowance)])
    let settings = Stand.Settings { $0.authenticator = lookup.authenticator(.success(caller)) }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(way.request())
      try await lookup.asked.wait(for: "the question") { $0 == 1 ? () : nil }
      try await client.reset()
      #expect(try await stand.requestLog(of: 1).first?["status"] as? Int == 499)
      lookup.gate.open()
      let next = try await stand.connect()
      try await next.send(way.request())
      #expect(try await next.answer().status == 200)
      #expect(stand.reached(way) == 1)
      _ = try await stand.requestLog(of: 2)
      #expect(allowance.standing(limits).running == 0)
    }
  }

  @Test("Of requests at once, as many as the limit pass; whoever leaves makes room", arguments: Way.allCases)
  func atOnce(way: Way) async throws {
    let gate = Gate()
    let limits = RequestLimits(concurrentRequests: 2)
    let allowance = Allowance(subject: "ann", source: nil)
    let caller = Caller(principal: Principal(name: "ann", role: .user), allotments: [Allotment(limits, of: allowance)])
    let settings = Stand.Settings {
      $0.authenticator = Authenticator([(Secret(Stand.key), caller)])
      $0.script = { _ in [.wait(gate)] + .json(Stand.chatAnswer) }
    }
    guard way == .model else { return }
    try await Stand.run(settings) { stand in
      let slow = [try await stand.connect(), try await stand.connect()]
      for client in slow { try await client.send(way.request()) }
      try await stand.upstream.seen.wait(for: "both calls") { $0.requests.count == 2 ? () : nil }
      let third = try await stand.connect()
      try await third.send(way.request())
      let refused = try await third.answer()
      #expect(refused.status == 429)
      #expect(try refused.errorCode == "concurrency_limit_exceeded")
      #expect(refused.headers["retry-after"] == ["1"])
      try await slow[0].hangUp()
      _ = try await stand.requestLog(of: 2)
      #expect(allowance.standing(limits).running == 1)
      gate.open()
      try await third.send(way.request())
      #expect(try await third.answer().status == 200)
      #expect(try await slow[1].answer().status == 200)
      _ = try await stand.requestLog(of: 4)
      #expect(allowance.standing(limits).running == 0)
    }
  }

  @Test("How the caller stands is told with every answer", arguments: Way.allCases)
  func standing(way: Way) async throws {
    let limits = RequestLimits(requestsPerMinute: 2)
    let allowance = Allowance(subject: "ann", source: nil)
    let caller = Caller(principal: Principal(name: "ann", role: .user), allotments: [Allotment(limits, of: allowance)])
    let settings = Stand.Settings { $0.authenticator = Authenticator([(Secret(Stand.key), caller)]) }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      for (status, remaining) in [(200, "1"), (200, "0"), (429, "0")] {
        try await client.send(way.request())
        let answer = try await client.answer()
        #expect(answer.status == status)
        #expect(answer.headers["x-ratelimit-limit-requests"] == ["2"])
        #expect(answer.headers["x-ratelimit-remaining-requests"] == [remaining])
        #expect(answer.headers["ratelimit-policy"] == [#""requests";q=2;w=60"#])
        #expect(answer.headers["ratelimit"].first?.hasPrefix(#""requests";r=\#(remaining);t="#) == true)
        #expect(answer.headers["retry-after"].isEmpty == (status == 200))
      }
      #expect(stand.reached(way) == 2)
      #expect(stand.figure("apus_rate_limited_total", "rate_limit_exceeded") == 1)
    }
  }

  @Test("Strangers are refused beyond their limit; a key that is known passes from the same address")
  func strangers() async throws {
    try await Stand.run(Stand.Settings { $0.addressLimit = 3 }) { stand in
      let client = try await stand.connect()
      var statuses: [Int] = []
      for _ in 0..<5 {
        try await client.send(Way.router.request(key: "wrong"))
        statuses.append(try await client.answer().status)
      }
      #expect(statuses == [401, 401, 401, 429, 429])
      try await client.send(Way.router.request("GET", path: "/metrics", key: nil, body: nil))
      #expect(try await client.answer().status == 429)
      try await client.send(Way.router.request("GET", path: "/health/live", key: nil, body: nil))
      #expect(try await client.answer().status == 200)
      try await client.send(Way.router.request())
      #expect(try await client.answer().status == 200)
    }
  }
}
