import Kernel
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import Accounts

/// An issuer's server, a verifier that fetches from it, and a clock that the test moves.
private final class JWTScene: Sendable {
  private let steps: Mutex<[ScriptedUpstream.Step]>
  private let time = Mutex(JWTIssuer.now)

  private init(_ steps: [ScriptedUpstream.Step]) {
    self.steps = Mutex(steps)
  }

  /// Runs a test against a server that answers with these steps.
  static func run(
    _ steps: [ScriptedUpstream.Step],
    _ body: (JWTScene, ScriptedUpstream, TokenVerifier) async throws -> Void
  ) async throws {
    let scene = JWTScene(steps)
    let server = try await ScriptedUpstream.start { _ in scene.steps.withLock { $0 } }
    defer { server.stop() }
    let configuration = JWTConfiguration(source: .jwks(url: "http://127.0.0.1:\(server.port)/jwks.json"))
    let verifier = try TokenVerifier(configuration, logger: .silent) { scene.time.withLock { $0 } }
    try await body(scene, server, verifier)
  }

  func answer(_ steps: [ScriptedUpstream.Step]) {
    self.steps.withLock { $0 = steps }
  }

  func pass(seconds: Int64) {
    time.withLock { $0 += seconds }
  }
}

extension [ScriptedUpstream.Step] {
  /// A key set of these keys, by their names.
  fileprivate static func keys(_ keys: [(String, JWTIssuer)], headers: [String] = []) -> Self {
    json(setText(keys), headers: headers)
  }

  fileprivate static func setText(_ keys: [(String, JWTIssuer)]) -> String {
    #"{"keys":[\#(keys.map { #"{\#($1.jwk),"kid":"\#($0)","use":"sig"}"# }.joined(separator: ","))]}"#
  }
}

extension JWTIssuer {
  /// A token that names its key and is good for a year.
  fileprivate func token(keyID: String?) async throws -> String {
    let name = keyID.map { #","kid":"\#($0)""# } ?? ""
    return try await token(header: #"{"alg":"\#(algorithm)"\#(name)}"#, #"{"sub":"ada","exp":1731536000}"#)
  }
}

@Suite("Published keys are fetched, kept and fetched anew")
struct JWTPublishedKeysAPITests {
  private let issuer = JWTIssuer.ec
  private let newer = JWTIssuer.otherEC

  /// Whom a token speaks for, or the reason why it does not pass.
  private func outcome(_ verifier: TokenVerifier, _ token: String) async -> String? {
    do {
      return try await verifier.verify(token).user
    } catch {
      return error.reason
    }
  }

  /// The same for a token that is made for it.
  private func outcome(_ verifier: TokenVerifier, of issuer: JWTIssuer, keyID: String?) async -> String? {
    do {
      return await outcome(verifier, try await issuer.token(keyID: keyID))
    } catch {
      return "\(error)"
    }
  }

  @Test("Each algorithm, with one fetch for all of them")
  func algorithms() async throws {
    let issuers = try JWTIssuer.published()
    try await JWTScene.run(.keys(issuers.map { ($0.algorithm, $0) })) { _, server, verifier in
      for issuer in issuers {
        #expect(await outcome(verifier, of: issuer, keyID: issuer.algorithm) == "ada")
        #expect(await outcome(verifier, of: issuer, keyID: nil) == "ada")
      }
      let forged = try await JWTIssuer.secret.token(keyID: "ES256")
      #expect(await outcome(verifier, forged) == "invalid_token")
      #expect(server.seen.value.requests.map(\.path) == ["/jwks.json"])
    }
  }

  @Test("An algorithm that published keys cannot have fetches nothing", arguments: ["none", "HS256", "RS512"])
  func noFetch(algorithm: String) async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { _, server, verifier in
      let token = try await JWTIssuer.secret.token(header: #"{"alg":"\#(algorithm)","kid":"a"}"#)
      #expect(await outcome(verifier, token) == "invalid_token")
      #expect(server.seen.value.connections == 0)
    }
  }

  @Test("Keys that are fetched ahead need no fetch with the first token")
  func prepared() async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { _, server, verifier in
      await verifier.prepare()
      await verifier.prepare()
      #expect(server.seen.value.requests.count == 1)
      #expect(await outcome(verifier, of: issuer, keyID: "a") == "ada")
      #expect(server.seen.value.requests.count == 1)
    }
  }

  @Test("A new key is found by its unknown name, and one that is gone is refused")
  func rotation() async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { scene, server, verifier in
      #expect(await outcome(verifier, of: issuer, keyID: "a") == "ada")
      scene.answer(.keys([("b", newer)]))
      scene.pass(seconds: 10)
      #expect(await outcome(verifier, of: newer, keyID: "b") == "ada")
      #expect(await outcome(verifier, of: issuer, keyID: "a") == "invalid_token")
      #expect(await outcome(verifier, of: issuer, keyID: "b") == "invalid_token")
      #expect(server.seen.value.requests.count == 2)
    }
  }

  @Test("A thousand unknown names at once cause one fetch, and none keeps an honest token waiting")
  func flood() async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { scene, server, verifier in
      let honest = try await issuer.token(keyID: "a")
      #expect(await outcome(verifier, honest) == "ada")
      let gate = Gate()
      scene.answer([.wait(gate)] + .keys([("a", issuer)]))
      scene.pass(seconds: 10)
      try await withThrowingTaskGroup(of: String?.self) { group in
        for number in 0..<1000 {
          group.addTask { await outcome(verifier, of: newer, keyID: "x\(number)") }
        }
        _ = try await server.seen.wait(for: "the second fetch") { $0.requests.count == 2 ? true : nil }
        #expect(await outcome(verifier, honest) == "ada")
        gate.open()
        for try await outcome in group { #expect(outcome == "invalid_token") }
      }
      #expect(server.seen.value.requests.count == 2)
    }
  }

  @Test(
    "Names that would lead elsewhere are names, no more", arguments: ["../../a", "' OR 1=1 --", "http://127.0.0.1:9/"])
  func injected(name: String) async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { _, server, verifier in
      #expect(await outcome(verifier, of: issuer, keyID: name) == "invalid_token")
      #expect(server.seen.value.requests.map(\.path) == ["/jwks.json"])
    }
  }

  @Test("An address that a token brings is never asked")
  func foreignAddress() async throws {
    let attacker = try await ScriptedUpstream.start { _ in .keys([("a", newer)]) }
    defer { attacker.stop() }
    try await JWTScene.run(.keys([("a", issuer)])) { _, _, verifier in
      let address = "http://127.0.0.1:\(attacker.port)/"
      let header = #"{"alg":"ES256","kid":"a","jku":"\#(address)","x5u":"\#(address)","jwk":{\#(newer.jwk)}}"#
      let newerToken = try await newer.token(header: header)
      let issuerToken = try await issuer.token(header: header)
      #expect(await outcome(verifier, newerToken) == "invalid_token")
      #expect(await outcome(verifier, issuerToken) == "ada")
      #expect(attacker.seen.value.connections == 0)
    }
  }

  @Test("A source that is not there is no bad token, and is asked again after 10 s")
  func unreachable() async throws {
    try await JWTScene.run(.json("", status: "503 Service Unavailable")) { scene, server, verifier in
      let token = try await issuer.token(keyID: "a")
      for _ in 0..<3 {
        let failure = await #expect(throws: Failure.self) { try await verifier.verify(token) }
        #expect(failure?.code == .unavailable)
        #expect(failure?.reason == "jwks_unavailable")
        #expect(failure?.retryAfter == .seconds(10))
      }
      #expect(server.seen.value.requests.count == 1)
      scene.answer(.keys([("a", issuer)]))
      scene.pass(seconds: 10)
      #expect(await outcome(verifier, token) == "ada")
    }
  }

  @Test("Nobody who listens is the same")
  func refused() async throws {
    let gone = try await ScriptedUpstream.start { _ in [] }
    let port = gone.port
    gone.stop()
    let configuration = JWTConfiguration(source: .jwks(url: "http://127.0.0.1:\(port)/"))
    let verifier = try TokenVerifier(configuration, logger: .silent) { JWTIssuer.now }
    #expect(await outcome(verifier, of: issuer, keyID: "a") == "jwks_unavailable")
  }

  @Test("A set that is none, too large or elsewhere is not taken")
  func malformed() async throws {
    let elsewhere = try await ScriptedUpstream.start { _ in .keys([("a", issuer)]) }
    defer { elsewhere.stop() }
    let good = [ScriptedUpstream.Step].setText([("a", issuer)])
    let answers: [[ScriptedUpstream.Step]] = [
      .json("{}"), .json("<html>"), .json(good + "x"), .json(good, status: "404 Not Found"),
      .json(good, status: "201 Created"), .json(good + String(repeating: " ", count: 256 << 10)),
      .json("", status: "302 Found", headers: ["location: http://127.0.0.1:\(elsewhere.port)/jwks.json"]),
      .json(good, status: "307 Temporary Redirect", headers: ["location: /other.json"]),
      [.send("no HTTP\r\n\r\n"), .close], [.close],
    ]
    for answer in answers {
      try await JWTScene.run(answer) { _, server, verifier in
        #expect(await outcome(verifier, of: issuer, keyID: "a") == "jwks_unavailable", "\(answer)")
        #expect(server.seen.value.requests.map(\.path) == ["/jwks.json"])
      }
    }
    #expect(elsewhere.seen.value.connections == 0)
  }

  @Test("A set is fetched anew before it runs out, while tokens pass")
  func refresh() async throws {
    let keys = [ScriptedUpstream.Step].keys([("a", issuer)], headers: ["cache-control: public, max-age=1000"])
    try await JWTScene.run(keys) { scene, server, verifier in
      let token = try await issuer.token(keyID: "a")
      #expect(await outcome(verifier, token) == "ada")
      scene.pass(seconds: 799)
      #expect(await outcome(verifier, token) == "ada")
      #expect(server.seen.value.requests.count == 1)
      scene.answer([.wait(Gate())])
      scene.pass(seconds: 1)
      #expect(await outcome(verifier, token) == "ada")
      _ = try await server.seen.wait(for: "a fetch in the background") { $0.requests.count == 2 ? true : nil }
    }
  }

  @Test("A set that ran out is kept for a day while the source fails, and no longer")
  func stale() async throws {
    try await JWTScene.run(.keys([("a", issuer)])) { scene, server, verifier in
      let token = try await issuer.token(keyID: "a")
      #expect(await outcome(verifier, token) == "ada")
      scene.answer(.json("", status: "500 Internal Server Error"))
      scene.pass(seconds: 3600)
      #expect(await outcome(verifier, token) == "ada")
      #expect(server.seen.value.requests.count == 2)
      scene.pass(seconds: 86_400)
      #expect(await outcome(verifier, token) == "jwks_unavailable")
    }
  }

  @Test("An answer that does not end is given up")
  func endless() async throws {
    let steps: [ScriptedUpstream.Step] = [
      .send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), .wait(Gate()),
    ]
    let server = try await ScriptedUpstream.start { _ in steps }
    defer { server.stop() }
    await #expect(throws: KeySetDownload.Problem.self) {
      try await KeySetDownload.fetch("http://127.0.0.1:\(server.port)/", within: .milliseconds(100))
    }
  }
}
