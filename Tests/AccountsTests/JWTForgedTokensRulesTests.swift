import Foundation
import Kernel
import Testing

@testable import Accounts

@Suite("A token that is not honest is refused")
struct JWTForgedTokensRulesTests {
  @Test(
    "Each forgery is refused as an invalid token, with the kind of trouble and no word of it", arguments: JWTForgery.all
  )
  func forgery(forgery: JWTForgery) async throws {
    let issuer = try forgery.trusted.issuer()
    let verifier = try issuer.verifier {
      ($0.issuer, $0.audience) = (JWTForgery.issuer, JWTForgery.audience)
    }
    let token = try await forgery.make(issuer)
    let failure = await #expect(throws: Failure.self) { try await verifier.verify(token) }
    #expect(failure?.code == .unauthenticated)
    #expect(failure?.reason == "invalid_token")
    #expect(failure?.message == forgery.kind.rawValue, "\(failure?.cause ?? "")")
    #expect(failure?.details.isEmpty == true)
  }

  @Test("The table's honest token passes, so that each forgery fails for what it changes")
  func honest() async throws {
    for issuer in try JWTIssuer.all() {
      let verifier = try issuer.verifier {
        ($0.issuer, $0.audience) = (JWTForgery.issuer, JWTForgery.audience)
      }
      #expect(try await verifier.verify(try await issuer.token(JWTForgery.honest)).user == "ada")
    }
  }

  @Test("A token that was cut anywhere is refused", arguments: try JWTIssuer.all())
  func cut(issuer: JWTIssuer) async throws {
    let verifier = try issuer.verifier()
    let token = try await issuer.token()
    for length in token.indices {
      await #expect(throws: Failure.self, "\(token[..<length])") { try await verifier.verify(String(token[..<length])) }
    }
  }

  @Test("A token with one bit changed anywhere is refused", arguments: try JWTIssuer.all())
  func flipped(issuer: JWTIssuer) async throws {
    let verifier = try issuer.verifier()
    let token = Array(try await issuer.token().utf8)
    for position in token.indices {
      for bit in 0..<7 {
        var changed = token
        changed[position] ^= 1 << UInt8(bit)
        let text = String(decoding: changed, as: UTF8.self)
        await #expect(throws: Failure.self, "bit \(bit) of byte \(position)") { try await verifier.verify(text) }
      }
    }
  }

  @Test("Two tokens that begin alike are two people")
  func prefix() async throws {
    let issuer = JWTIssuer.secret
    let verifier = try issuer.verifier()
    let padding = String(repeating: "p", count: 4000)
    let tokens = try await [1, 2].asyncMap { number in
      try await issuer.token(#"{"padding":"\#(padding)","exp":1700000600,"sub":"user-\#(number)"}"#)
    }
    #expect(tokens[0].commonPrefix(with: tokens[1]).utf8.count > 5000)
    #expect(try await verifier.verify(tokens[0]).user == "user-1")
    #expect(try await verifier.verify(tokens[1]).user == "user-2")
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
