import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing
import Web

@Suite("The door is the same for both ways", .serialized, .timeLimit(.minutes(1)))
struct DoorAPITests {
  @Test("It answers as it must, and nothing else happens", arguments: DoorScenario.all, Way.allCases)
  func bothWays(scenario: DoorScenario, way: Way) async throws {
    let settings = Stand.Settings { scenario.configure(&$0.server) }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      try await client.send(scenario.bytes(way))
      for (number, expected) in scenario.expected.enumerated() {
        let isLast = !scenario.staysOpen && number == scenario.expected.count - 1
        try await expect(expected, from: client, isLast: isLast)
      }
      var statuses = scenario.expected.map(\.status).filter { $0 >= 200 }
      if scenario.staysOpen {
        try await client.send(way.request())
        #expect(try await client.answer().status == 200)
        statuses.append(200)
      } else {
        try await client.finishSending()
        #expect(try await client.end() == "")
      }
      #expect(stand.reached(way) == scenario.reached + (scenario.staysOpen ? 1 : 0))
      #expect(stand.reached(way == .model ? .router : .model) == 0)
      #expect(try await stand.requestLog(of: statuses.count).map { $0["status"] as? Int } == statuses)
      #expect(stand.figure("apus_requests_total") == Double(statuses.count))
      for status in Set(statuses) {
        #expect(
          stand.figure("apus_requests_total", #"status="\#(status)""#) == Double(statuses.count { $0 == status }))
      }
      #expect(stand.figure("apus_request_duration_seconds_count") == Double(statuses.count))
    }
  }

  private func expect(_ expected: DoorScenario.Expected, from client: RawClient, isLast: Bool) async throws {
    let answer = try await client.answer(hasBody: expected.hasBody)
    #expect(answer.status == expected.status, "\(answer.text)")
    guard answer.status >= 200 else { return }
    #expect(try answer.errorCode == expected.code)
    #expect(answer.headers["x-request-id"].count == 1)
    #expect(answer.headers["date"].count == 1)
    #expect(answer.headers["www-authenticate"] == (expected.status == 401 ? ["Bearer"] : []))
    #expect(answer.headers["allow"] == (expected.status == 405 ? ["POST"] : []))
    if isLast { #expect(answer.headers["connection"] == ["close"]) }
  }

  @Test("An id and a trace go through, into the log and up", arguments: Way.allCases)
  func ids(way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      let headers = ["x-request-id: id-1", "traceparent: 00-\(trace)-00f067aa0ba902b7-01", "tracestate: vendor=1"]
      try await client.send(way.request(headers: headers))
      #expect(try await client.answer().headers["x-request-id"] == ["id-1"])
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["request_id"] as? String == "id-1")
      #expect(line["trace_id"] as? String == trace)
      #expect(line["key"] as? String == "ann")
      guard way == .model else { return }
      let upstream = try #require(stand.upstream.seen.value.requests.first)
      #expect(upstream.headers["x-request-id"] == ["id-1"])
      #expect(upstream.headers["tracestate"] == ["vendor=1"])
      let parent = try #require(upstream.headers.first(name: "traceparent"))
      #expect(parent.hasPrefix("00-\(trace)-") && parent.hasSuffix("-01") && !parent.contains("00f067aa0ba902b7"))
    }
  }

  @Test(
    "An id that could do harm is replaced", arguments: ["", String(repeating: "a", count: 129), "é", "a\tb"],
    Way.allCases)
  func hostileIDs(id: String, way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(way.request(headers: ["x-request-id: \(id)"]))
      let given = try #require(try await client.answer().headers.first(name: "x-request-id"))
      #expect(given.wholeMatch(of: /[0-9a-f]{32}/) != nil)
      #expect(try await stand.requestLog(of: 1).first?["request_id"] as? String == given)
    }
  }

  @Test("Pages of an allowed origin may read every answer, errors too", arguments: Way.allCases)
  func cors(way: Way) async throws {
    let settings = Stand.Settings { $0.server.corsOrigins = ["https://app.example"] }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      for (origin, key, status) in [
        ("https://app.example", Stand.key, 200), ("https://app.example", "wrong", 401),
        ("https://b.example", Stand.key, 200),
      ] {
        let body = status == 200 ? Way.chat : nil
        try await client.send(way.request(key: key, headers: ["origin: \(origin)"], body: body))
        let answer = try await client.answer()
        #expect(answer.status == status)
        let isAllowed = origin == "https://app.example"
        #expect(answer.headers["access-control-allow-origin"] == (isAllowed ? [origin] : []))
        #expect(answer.headers["vary"] == ["origin"])
      }
    }
  }

  @Test("A preflight needs no key and goes nowhere; one from elsewhere is told nothing", arguments: Way.allCases)
  func preflight(way: Way) async throws {
    let settings = Stand.Settings { $0.server.corsOrigins = ["https://app.example"] }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      for (origin, status) in [("https://app.example", 204), ("https://b.example", 405)] {
        let headers = [
          "origin: \(origin)", "access-control-request-method: POST", "access-control-request-headers: authorization",
        ]
        try await client.send(way.request("OPTIONS", key: nil, headers: headers, body: nil))
        let answer = try await client.answer()
        #expect(answer.status == status)
        #expect(answer.headers["access-control-allow-origin"] == (status == 204 ? [origin] : []))
        #expect(answer.headers["access-control-allow-headers"] == (status == 204 ? ["authorization"] : []))
      }
      #expect(stand.reached(way) == 0)
      #expect(try await stand.requestLog(of: 2).map { $0["status"] as? Int } == [204, 405])
    }
  }

  @Test("A client that waits for 100 Continue is told before it sends its body", arguments: Way.allCases)
  func expectContinue(way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      let headers = ["expect: 100-continue", "content-length: \(Way.chat.utf8.count)"]
      try await client.send(way.request(headers: headers, body: nil))
      #expect(try await client.answer().status == 100)
      #expect(stand.reached(way) == 0)
      try await client.send(Way.chat)
      #expect(try await client.answer().status == 200)
      #expect(try await stand.requestLog(of: 1).map { $0["status"] as? Int } == [200])
    }
  }

  @Test(
    "A client that leaves in the middle of its request is counted once, and disturbs nobody", arguments: Way.allCases)
  func leaves(way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(way.request(headers: ["content-length: 1000"]))
      try await client.reset()
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["status"] as? Int == 499)
      #expect(stand.reached(way) == 0)
      let other = try await stand.connect()
      try await other.send(way.request())
      #expect(try await other.answer().status == 200)
      #expect(try await stand.requestLog(of: 2).map { $0["status"] as? Int } == [499, 200])
      #expect(stand.figure("apus_requests_total") == 2)
    }
  }

  @Test("HEAD is GET without the body")
  func head() async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      for path in ["/v1/models", "/v1/models/small", "/health", "/health/live", "/openapi.json"] {
        try await client.send(Way.router.request("GET", path: path, body: nil))
        let get = try await client.answer()
        try await client.send(Way.router.request("HEAD", path: path, body: nil))
        let head = try await client.answer(hasBody: false)
        #expect(get.status == 200)
        #expect(head.status == 200)
        #expect(head.headers["content-length"] == ["\(get.body.readableBytes)"])
        #expect(head.headers["content-type"] == get.headers["content-type"])
      }
    }
  }

  @Test("A connection that is silent after its last answer is closed without a word", arguments: Way.allCases)
  func idle(way: Way) async throws {
    try await Stand.run(Stand.Settings { $0.server.idleTimeout = .milliseconds(50) }) { stand in
      let client = try await stand.connect()
      try await client.send(way.request())
      #expect(try await client.answer().status == 200)
      #expect(try await client.end() == "")
      #expect(try await stand.requestLog(of: 1).count == 1)
    }
  }

  @Test("New settings hold from the next request on, on connections that are open too", arguments: Way.allCases)
  func reload(way: Way) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(way.request())
      #expect(try await client.answer().status == 200)
      var configuration = stand.state.settings.current.configuration
      configuration.maxBody = ByteCount(10)
      let newKey = String(repeating: "n", count: 32)
      stand.state.settings.replace(
        with: ServerSettings(
          configuration: configuration, authenticator: .knowing(newKey), strangers: Strangers(limit: 1000)))
      try await client.send(way.request(body: nil))
      #expect(try await client.answer().errorCode == "invalid_api_key")
      try await client.send(way.request(key: newKey))
      #expect(try await client.answer().status == 413)
      #expect(stand.reached(way) == 1)
    }
  }
}
