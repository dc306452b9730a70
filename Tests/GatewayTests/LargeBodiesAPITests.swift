import Kernel
import NIOCore
import NIOHTTP1
import TestKit
import Testing
import Web

@Suite("A large request is read aside, and is a request like any other", .serialized, .timeLimit(.minutes(1)))
struct LargeBodiesAPITests {
  /// A request of so many bytes, in which every part of its text differs from the others.
  private static func body(_ count: Int, model: String = "small") -> String {
    let start = #"{ "messages":[{"role":"user","content":""#
    let end = #""}], "x":1.50 ,"model" : "\#(model)" , "é":[] }"#
    var text = start
    var number = 0
    while text.utf8.count < count - end.utf8.count {
      text += "\(number) ☃\\n"
      number += 1
    }
    return text + end
  }

  /// In place, just beyond that, and far beyond, in more pieces than one read brings.
  private static let sizes = [200 << 10, 300 << 10, 2 << 20]

  @Test("It reaches the provider byte by byte, but for the model's name", arguments: sizes, ["length", "chunked"])
  func bytes(size: Int, framing: String) async throws {
    let body = Self.body(size)
    try await Stand.run { stand in
      let client = try await stand.connect()
      for _ in 0..<2 {
        try await client.send(request(body, framing))
        let answer = try await client.answer()
        #expect(answer.status == 200)
        #expect(answer.text == Stand.chatAnswer)
      }
      let seen = stand.upstream.seen.value.requests
      #expect(seen.count == 2)
      let expected = body.replacing(#""model" : "small""#, with: #""model" : "vendor/model-7""#)
      #expect(seen.allSatisfy { $0.body == expected })
      #expect(seen.allSatisfy { $0.headers["content-length"] == ["\(expected.utf8.count)"] })
    }
  }

  private func request(_ body: String, _ framing: String) -> String {
    guard framing == "chunked" else { return Way.model.request(body: body) }
    let characters = Array(body)
    let chunks = stride(from: 0, to: characters.count, by: 10_007).map { start in
      let piece = String(characters[start..<min(start + 10_007, characters.count)])
      return "\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n"
    }
    return Way.model.request(headers: ["transfer-encoding: chunked"], body: chunks.joined() + "0\r\n\r\n")
  }

  @Test(
    "What is wrong with it is told as of a small one, and the connection stays",
    arguments: [("cut", "invalid_json"), ("a comma too many", "invalid_json"), ("unknown", "model_not_found")])
  func wrong(how: String, code: String) async throws {
    let body =
      switch how {
      case "cut": String(Self.body(300 << 10).dropLast())
      case "a comma too many": Self.body(300 << 10).replacing("[] }", with: "[], }")
      default: Self.body(300 << 10, model: "other")
      }
    try await Stand.run { stand in
      let client = try await stand.connect()
      try await client.send(Way.model.request(body: body))
      let answer = try await client.answer()
      #expect(answer.status == (how == "unknown" ? 404 : 400))
      #expect(try answer.errorCode == code)
      try await client.send(Way.model.request())
      #expect(try await client.answer().status == 200)
      #expect(stand.reached(.model) == 1)
      #expect(try await stand.requestLog(of: 2).map { $0["status"] as? Int } == [how == "unknown" ? 404 : 400, 200])
    }
  }

  @Test(
    "A client that goes away while its body is read is counted once, and disturbs nobody",
    arguments: ["close", "reset", "half"])
  func hangUp(how: String) async throws {
    try await Stand.run(Stand.Settings { $0.script = { _ in [] } }) { stand in
      // So large that it is still read when the farewell behind its last byte has come.
      let request = Way.model.request(body: Self.body(8 << 20))
      let client = try await stand.connect()
      try await client.send(request)
      switch how {
      case "close": try await client.hangUp()
      case "reset": try await client.reset()
      default: try await client.finishSending()
      }
      let line = try #require(try await stand.requestLog(of: 1).first)
      #expect(line["status"] as? Int == 499)
      if how == "half" { #expect(try await client.end() == "") }
      let other = try await stand.connect()
      try await other.send(Way.router.request())
      #expect(try await other.answer().status == 200)
      #expect(try await stand.requestLog(of: 2).map { $0["status"] as? Int } == [499, 200])
      #expect(stand.figure("apus_requests_total") == 2)
    }
  }

  @Test("A client that waits for 100 Continue is told so once, before a large body", arguments: Way.allCases)
  func expectContinue(way: Way) async throws {
    let body = Self.body(300 << 10)
    try await Stand.run { stand in
      let client = try await stand.connect()
      let headers = ["expect: 100-continue", "content-length: \(body.utf8.count)"]
      try await client.send(way.request(headers: headers, body: nil))
      #expect(try await client.answer().status == 100)
      let bytes = Array(body.utf8)
      try await client.send(String(decoding: bytes[..<1], as: UTF8.self))
      try await client.send(String(decoding: bytes[1...], as: UTF8.self))
      #expect(try await client.answer().status == 200)
      #expect(stand.reached(way) == 1)
    }
  }
}
