import Kernel
import Testing
import Wire

@testable import Gateway

@Suite("What Apus reads in an answer")
struct ModelAnswerRulesTests {
  private static func usage(_ text: String, _ read: (UnsafeRawBufferPointer) throws -> Usage?) rethrows -> Usage? {
    try Array(text.utf8).withUnsafeBytes { try read($0) }
  }

  @Test(
    "The tokens of a whole answer",
    arguments: [
      (
        #"{"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#,
        Usage(inputTokens: 11, outputTokens: 7)
      ),
      (#"{"usage":{"prompt_tokens":3,"total_tokens":3}}"#, Usage(inputTokens: 3, outputTokens: 0)),
      (
        #"{"usage":{"prompt_tokens":1,"prompt_tokens_details":{"prompt_tokens":9},"x":null}}"#,
        Usage(inputTokens: 1, outputTokens: 0)
      ),
      (#"{"usage":{"prompt_tokens":1.5,"completion_tokens":"7"}}"#, Usage(inputTokens: 0, outputTokens: 0)),
      (#"{"us\u0061ge":{"prompt_tokens":1}}"#, Usage(inputTokens: 1, outputTokens: 0)),
      (#"{"usage":{}}"#, Usage(inputTokens: 0, outputTokens: 0)), (#"{"usage":null}"#, nil), (#"{"usage":7}"#, nil),
      (#"{"x":{"usage":{"prompt_tokens":1}}}"#, nil), ("{}", nil), ("[]", nil), ("null", nil), ("7", nil),
    ] as [(String, Usage?)])
  func whole(text: String, usage: Usage?) throws {
    #expect(try Self.usage(text, ModelAnswer.usage(in:)) == usage)
  }

  @Test(
    "What is not JSON is no answer",
    arguments: ["", "<html>", "{", "{}{}", #"{"usage":{"prompt_tokens":1}"#, "nul", "{\"a\":1}x"])
  func broken(text: String) {
    #expect(throws: (any Error).self) { try Self.usage(text, ModelAnswer.usage(in:)) }
  }

  @Test(
    "The tokens of an event",
    arguments: [
      (#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#, Usage(inputTokens: 3, outputTokens: 2)),
      (#"{"choices":[],"usage":null}"#, nil), (#"{"choices":[{"delta":{"content":"\"usage\""}}]}"#, nil),
      ("[DONE]", nil),
      ("", nil), (#""usage""#, nil), (#"{"usage":{"prompt_tokens":3}"#, nil), (#"{"usag":1}"#, nil),
    ] as [(String, Usage?)])
  func event(text: String, usage: Usage?) {
    #expect(Self.usage(text, ModelAnswer.usage(inEvent:)) == usage)
  }

  @Test(
    "The tokens at the end of a large answer",
    arguments: [
      (#"0.1,0.2]}],"usage":{"prompt_tokens":3,"total_tokens":3}}"#, Usage(inputTokens: 3, outputTokens: 0)),
      (#""},"usage" : {"prompt_tokens":3,"completion_tokens":4} }"#, Usage(inputTokens: 3, outputTokens: 4)),
      (#"x","usage":null}"#, nil), (#"x","usage":"#, nil), ("0.1,0.2]}]}", nil), ("", nil),
    ] as [(String, Usage?)])
  func tail(text: String, usage: Usage?) {
    #expect(Self.usage(text, ModelAnswer.usage(inTail:)) == usage)
  }

  @Test(
    "What kind of body it is stands in its type",
    arguments: [
      ("application/json", true, false), ("application/json; charset=utf-8", true, false),
      ("APPLICATION/JSON", true, false),
      ("application/problem+json", true, false), ("text/event-stream", false, true),
      ("text/event-stream;charset=UTF-8", false, true), ("text/html", false, false), ("", false, false),
      ("text/plain; x=json", false, false), ("text/event-streams", false, false), (nil, false, false),
    ] as [(String?, Bool, Bool)])
  func kinds(type: String?, isJSON: Bool, isStream: Bool) {
    let lines = HeaderLines(type.map { [("Content-Type", $0)] } ?? [])
    #expect(ModelAnswer.isJSON(lines) == isJSON)
    #expect(ModelAnswer.isEventStream(lines) == isStream)
  }
}
