import Gateway
import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing

@Suite("A model's answer comes down as it is", .serialized, .timeLimit(.minutes(1)))
struct ModelRoutesAPITests {
  /// Numbers that a parser would change, and space that an encoder would lose.
  private static let odd = #"{ "price": 2.50,"e":1E+2, "big":12345678901234567890,"é":"☃\u00e9" , "choices":[] }"#

  @Test("Both bodies pass byte by byte, but for the model's name; headers are chosen")
  func plain() async throws {
    let headers = ["x-internal: 1", "set-cookie: a=b", "server: x", "openai-version: 2020", "retry-after-ms: 5"]
    let settings = Stand.Settings { $0.script = { _ in .json(Self.odd, headers: headers) } }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      let fields = #""temperature": 0.10,"unknown" : {"a":[1.0]},"messages":[{"role":"user","content":"é☃"}] }"#
      let secrets = ["x-api-key: other", "cookie: c=1", "x-forwarded-for: 1.2.3.4", "openai-organization: o"]
      try await client.send(Way.model.request(headers: secrets, body: #"{ "model" : "small", "# + fields))
      let answer = try await client.answer()
      #expect(answer.text == Self.odd)
      #expect(answer.headers["x-apus-provider"] == ["cloud"])
      #expect(answer.headers["x-apus-model"] == ["vendor/model-7"])
      #expect(answer.headers.first(name: "x-apus-overhead-ms").flatMap(Double.init) != nil)
      #expect(answer.headers["openai-version"] == ["2020"])
      for name in ["x-internal", "set-cookie", "server"] { #expect(!answer.headers.contains(name: name)) }
      let upstream = try #require(stand.upstream.seen.value.requests.first)
      #expect(upstream.path == "/v1/chat/completions")
      #expect(upstream.body == #"{ "model" : "vendor/model-7", "# + fields)
      #expect(upstream.headers["authorization"] == ["Bearer \(Stand.providerKey)"])
      #expect(upstream.headers["host"] == ["127.0.0.1:\(stand.upstream.port)"])
      for name in ["x-api-key", "cookie", "x-forwarded-for", "openai-organization"] {
        #expect(!upstream.headers.contains(name: name))
      }
    }
  }

  @Test("Tokens, model and provider are counted")
  func counted() async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.answer().text == Stand.chatAnswer)
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["input_tokens"] as? Int == 11)
      #expect(line["output_tokens"] as? Int == 7)
      #expect(line["model"] as? String == "small")
      #expect(line["provider"] as? String == "cloud")
      #expect(stand.figure("apus_tokens_total", #"model="small",direction="input""#) == 11)
      #expect(stand.figure("apus_tokens_total", #"model="small",direction="output""#) == 7)
      #expect(stand.figure("apus_overhead_seconds_count") == 1)
    }
  }

  @Test("Requests of one connection share a connection to the provider, and a lost one is made again")
  func connections() async throws {
    let settings = Stand.Settings {
      $0.script = { $0.body.contains("bye") ? .json(Stand.chatAnswer) + [.close] : .json(Stand.chatAnswer) }
    }
    try await Stand.run(settings) { stand in
      let client = try await stand.connect()
      let bye = #"{"model":"small","messages":[{"role":"user","content":"bye"}]}"#
      for body in [Way.chat, bye] {
        try await client.send(Way.model.request(body: body))
        #expect(try await client.answer().status == 200)
      }
      try await stand.upstream.seen.wait(for: "the provider to close") { $0.closed == [0] ? () : nil }
      try await client.send(Way.model.request())
      #expect(try await client.answer().status == 200)
      #expect(stand.upstream.seen.value.requests.map(\.connection) == [0, 0, 1])
    }
  }

  @Test("A large answer passes whole", arguments: ["with its length", "in chunks"])
  func large(framing: String) async throws {
    let text = #"{"data":""# + String(repeating: "0123456789", count: 300_000) + #""}"#
    let script: [ScriptedUpstream.Step] =
      framing == "in chunks"
      ? [
        .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"), .chunk(text),
      ]
        + [.lastChunk]
      : .json(text)
    try await Stand.run(Stand.Settings { $0.script = { _ in script } }) { stand in
      let client = try await stand.connect()
      for _ in 0..<2 {
        try await client.send(Way.model.request())
        let answer = try await client.answer()
        #expect(answer.body == ByteBuffer(string: text))
        #expect(answer.headers["content-length"] == (framing == "in chunks" ? [] : ["\(text.utf8.count)"]))
      }
      #expect(stand.upstream.seen.value.connections == 1)
    }
  }

  @Test("A large answer that is cut is not mistaken for whole")
  func largeCut() async throws {
    let half = String(repeating: " ", count: 2 << 20)
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4194304\r\n\r\n"
    try await Stand.run(Stand.Settings { $0.script = { _ in [.send(head), .send(half), .close] } }) { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.head().headers["content-length"] == ["4194304"])
      await #expect(throws: ConnectionEnded.self) { try await client.body() }
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["error"] as? String == "upstream_cut")
      #expect(stand.figure("apus_upstream_errors_total", #"provider="cloud""#) == 1)
      #expect(stand.figure("apus_requests_total") == 1)
    }
  }

  @Test("A reload between two requests of a connection changes where the second one goes")
  func reload() async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request())
      #expect(try await client.answer().headers["x-apus-model"] == ["vendor/model-7"])
      var configuration = GatewayConfiguration.cloud(stand.upstream)
      configuration.models = ["other": ModelConfiguration(targets: [.init(provider: "cloud", model: "new")])]
      stand.catalog.replace(with: ModelCatalog(configuration, supervisors: [:], loops: 1))
      try await client.send(Way.model.request())
      #expect(try await client.answer().errorCode == "model_not_found")
      let other = Way.chat.replacing("small", with: "other")
      try await client.send(Way.model.request(body: other))
      #expect(try await client.answer().headers["x-apus-model"] == ["new"])
      #expect(
        stand.upstream.seen.value.requests.map(\.body) == [
          Way.chat.replacing("small", with: "vendor/model-7"), Way.chat.replacing("small", with: "new"),
        ])
    }
  }

  @Test("A body that is no request goes nowhere, and the connection stays", arguments: ["", "{", "[]", "{}", "null"])
  func malformed(body: String) async throws {
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request(body: body))
      #expect(try await client.answer().status == 400)
      try await client.send(Way.model.request())
      #expect(try await client.answer().status == 200)
      #expect(stand.reached(.model) == 1)
    }
  }
}
