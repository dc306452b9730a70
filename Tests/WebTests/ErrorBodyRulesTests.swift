import Foundation
import Kernel
import NIOCore
import Testing
import Wire

@testable import Web

@Suite("A failure reads the same in both shapes")
struct ErrorBodyRulesTests {
  @Test(
    "The providers' shape is for their paths alone",
    arguments: [
      ("/v1/chat/completions", ErrorBody.Shape.openAI), ("/v1/", .openAI), ("/v1/nothing", .openAI), ("/v1", .problem),
      ("/v10/x", .problem), ("/api/v1/me", .problem), ("/V1/x", .problem), ("-", .problem), ("", .problem),
      ("//v1/", .problem),
    ])
  func shapes(path: String, shape: ErrorBody.Shape) {
    #expect(ErrorBody.Shape(path: path) == shape)
  }

  @Test("Every code has its status, type and title, in head and body alike", arguments: Failure.Code.allCases)
  func codes(code: Failure.Code) throws {
    let failure = Failure(code, reason: "why", "What.")
    for shape in [ErrorBody.Shape.openAI, .problem] {
      let (lines, body) = ErrorBody.answer(to: failure, shape: shape, requestID: "id-1")
      #expect((400...599).contains(code.status))
      #expect(lines.all("content-type") == [shape.contentType])
      #expect(body.readableBytes > 0)
      #expect(lines.all("www-authenticate") == (code == .unauthenticated ? ["Bearer"] : []))
    }
    let problem = try object(ErrorBody.problem(failure, requestID: "id-1"))
    #expect(problem["status"] as? Int == code.status)
    #expect(problem["title"] as? String == code.title)
    #expect(problem["type"] as? String == "about:blank")
    #expect(problem["instance"] as? String == "id-1")
    #expect(problem["code"] as? String == "why")
  }

  @Test("Hostile texts come through whole, and break nothing", arguments: hostileTexts)
  func escaping(text: String) throws {
    let failure = Failure(
      .invalidRequest, reason: text, text,
      details: [.init(field: text, problem: text), .init(field: "b", problem: "c")],
      cause: "CAUSE")
    let openAI = try object(ErrorBody.openAI(failure))
    let error = try #require(openAI["error"] as? [String: Any])
    #expect(Set(error.keys) == ["message", "type", "param", "code"])
    #expect(error["message"] as? String == text)
    #expect(error["param"] as? String == text)
    #expect(error["code"] as? String == text)
    let problem = try object(ErrorBody.problem(failure, requestID: text))
    #expect(problem["detail"] as? String == text)
    #expect(problem["instance"] as? String == text)
    let errors = try #require(problem["errors"] as? [[String: String]])
    #expect(errors == [["field": text, "detail": text], ["field": "b", "detail": "c"]])
  }

  @Test("What is not known is null or left out, and the cause stays here")
  func sparse() throws {
    let failure = Failure(.internalError, "What.", cause: "CAUSE")
    let text = ErrorBody.openAI(failure)
    let error = try #require(try object(text)["error"] as? [String: Any])
    #expect(error["param"] is NSNull)
    #expect(error["code"] is NSNull)
    let problem = ErrorBody.problem(failure, requestID: "1")
    #expect(try object(problem)["errors"] == nil)
    #expect(try object(problem)["code"] as? String == "internalError")
    #expect(!(text + problem).contains("CAUSE"))
    #expect(!(text + problem).contains("ErrorBodyRulesTests"))
  }

  @Test(
    "Retry-After is in whole seconds, never too early",
    arguments: [
      (Duration.seconds(3), "3"), (.milliseconds(1), "1"), (.milliseconds(2001), "3"), (.zero, "0"),
      (.nanoseconds(1), "1"),
    ])
  func retryAfter(after: Duration, expected: String) {
    let (lines, _) = ErrorBody.answer(
      to: Failure(.rateLimited, "x", retryAfter: after), shape: .openAI, requestID: "1")
    #expect(lines.all("retry-after") == [expected])
  }
}
