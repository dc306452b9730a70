import Kernel
import NIOCore
import Testing

@testable import Gateway

@Suite("What Apus reads in a request, and all that it leaves alone")
struct ModelRequestRulesTests {
  private static let messages = #""messages":[{"role":"user","content":"hi"}]"#

  private static func read(_ body: String, _ operation: ModelOperation = .chat) throws(Failure) -> ModelRequest {
    try ModelRequest(ByteBuffer(string: body), for: operation)
  }

  private static func joined(_ pieces: [ByteBuffer]) -> String { pieces.map { String(buffer: $0) }.joined() }

  // MARK: What is right

  @Test(
    "A right request passes, known fields or unknown",
    arguments: [
      (.chat, #"{"model":"m",\#(messages)}"#, false), (.chat, #"{"model":"m",\#(messages),"stream":true}"#, true),
      (.chat, #"{"stream":false,"model":"m",\#(messages)}"#, false),
      (.chat, #"{"stream":null,"model":"m",\#(messages)}"#, false),
      (.chat, #" { "model" : "m" , \#(messages) } "#, false),
      (.chat, #"{"model":"m","messages":[{"role":"x","content":null},{"role":"y","content":[]},{"role":"z"}]}"#, false),
      (.chat, #"{"model":"m",\#(messages),"n":null,"seed":-1,"max_tokens":9223372036854775807}"#, false),
      (.chat, #"{"model":"m",\#(messages),"temperature":2.50,"top_p":1e-3,"stop":null,"user":"u"}"#, false),
      (.chat, #"{"model":"m",\#(messages),"stop":"x","tools":[1],"tool_choice":"auto","response_format":{}}"#, false),
      (.chat, #"{"model":"m",\#(messages),"functions":7,"x":{"model":5,"stream":"no","messages":0},"":[]}"#, false),
      (.completion, #"{"model":"m","prompt":"x"}"#, false),
      (.completion, #"{"model":"m","prompt":[1,2],"stream":true}"#, true),
      (.embedding, #"{"model":"m","input":["x"],"dimensions":4,"encoding_format":"float"}"#, false),
      // Fields of another operation are not looked at.
      (.embedding, #"{"model":"m","input":"x","messages":7,"stream":"yes"}"#, false),
    ] as [(ModelOperation, String, Bool)])
  func right(operation: ModelOperation, body: String, wantsStream: Bool) throws {
    let request = try Self.read(body, operation)
    #expect(request.model == "m")
    #expect(request.wantsStream == wantsStream)
  }

  // MARK: What is wrong

  @Test(
    "A wrong field is named",
    arguments: [
      (.chat, #"{\#(messages)}"#, "model", "missing_required_parameter"),
      (.chat, #"{"model":"m"}"#, "messages", "missing_required_parameter"),
      (.chat, #"{"Model":"m",\#(messages)}"#, "model", "missing_required_parameter"),
      (.completion, #"{"model":"m"}"#, "prompt", "missing_required_parameter"),
      (.embedding, #"{"model":"m"}"#, "input", "missing_required_parameter"),
      (.chat, #"{"model":null,\#(messages)}"#, "model", "invalid_type"),
      (.chat, #"{"model":["m"],\#(messages)}"#, "model", "invalid_type"),
      (.chat, #"{"model":"","messages":[]}"#, "model", nil),
      (.chat, #"{"model":"\#(String(repeating: "m", count: 513))","messages":[]}"#, "model", nil),
      (.chat, #"{"model":"m","messages":{}}"#, "messages", "invalid_type"),
      (.chat, #"{"model":"m","messages":[]}"#, "messages", nil),
      (.chat, #"{"model":"m","messages":[7]}"#, "messages[0]", "invalid_type"),
      (.chat, #"{"model":"m","messages":[{"role":"user"},null]}"#, "messages[1]", "invalid_type"),
      (.chat, #"{"model":"m","messages":[{"content":"x"}]}"#, "messages[0].role", "missing_required_parameter"),
      (.chat, #"{"model":"m","messages":[{"role":1}]}"#, "messages[0].role", "invalid_type"),
      (
        .chat, #"{"model":"m","messages":[{"role":"u"},{"role":"u","content":7}]}"#, "messages[1].content",
        "invalid_type"
      ),
      (.chat, #"{"model":"m","messages":[{"role":"u","content":{}}]}"#, "messages[0].content", "invalid_type"),
      (.completion, #"{"model":"m","prompt":null}"#, "prompt", "invalid_type"),
      (.embedding, #"{"model":"m","input":{}}"#, "input", "invalid_type"),
      (.embedding, #"{"model":"m","input":"x","dimensions":"4"}"#, "dimensions", "invalid_type"),
      (.embedding, #"{"model":"m","input":"x","dimensions":4.5}"#, "dimensions", "invalid_type"),
      (.embedding, #"{"model":"m","input":"x","encoding_format":1}"#, "encoding_format", "invalid_type"),
    ] as [(ModelOperation, String, String, String?)])
  func wrong(operation: ModelOperation, body: String, field: String, reason: String?) {
    let failure = #expect(throws: Failure.self) { try Self.read(body, operation) }
    #expect(failure?.code == .invalidRequest)
    #expect(failure?.details.map(\.field) == [field])
    #expect(failure?.reason == reason)
    #expect(failure?.message.contains("'\(field)'") == true)
  }

  private static let numbers = [
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens", "max_completion_tokens", "n", "seed",
    "top_logprobs",
  ]

  @Test(
    "Each known field has its types",
    arguments: numbers.map { ($0, ["\"1\"", "true", "[]", "{}"]) } + [
      ("stream", ["1", "\"true\"", "[]", "{}"]), ("logprobs", ["1", "\"x\""]), ("parallel_tool_calls", ["0", "{}"]),
      ("stream_options", ["true", "[]", "\"\""]), ("logit_bias", ["[]", "1"]), ("response_format", ["\"json\"", "[]"]),
      ("tools", ["{}", "\"x\""]), ("tool_choice", ["[]", "1"]), ("stop", ["1", "{}", "true"]), ("user", ["1", "{}"]),
    ])
  func types(field: String, values: [String]) {
    for value in values {
      let failure = #expect(throws: Failure.self, "\(field): \(value)") {
        try Self.read(#"{"model":"m",\#(Self.messages),"\#(field)":\#(value)}"#)
      }
      #expect(failure?.details.map(\.field) == [field])
      #expect(failure?.reason == "invalid_type")
    }
    #expect(throws: Never.self) { try Self.read(#"{"model":"m",\#(Self.messages),"\#(field)":null}"#) }
  }

  @Test(
    "What counts is a whole number that fits",
    arguments: ["max_tokens", "max_completion_tokens", "n", "seed", "top_logprobs"])
  func wholeNumbers(field: String) {
    for value in ["1.0", "1e3", "9223372036854775808", "-0.5"] {
      let failure = #expect(throws: Failure.self) {
        try Self.read(#"{"model":"m",\#(Self.messages),"\#(field)":\#(value)}"#)
      }
      #expect(failure?.details.map(\.field) == [field])
    }
  }

  @Test(
    "A known field stands once, however it is spelled",
    arguments: [
      (#""model":"a","model":"b""#, "model"), (#""model":"a","mod\u0065l":"b""#, "model"),
      (#""model":"a","stream":false,"str\u0065am":true"#, "stream"),
      (#""model":"a","messages":[{"role":"x"}]"#, "messages"),
    ])
  func duplicates(fields: String, field: String) {
    let failure = #expect(throws: Failure.self) { try Self.read("{\(Self.messages),\(fields)}") }
    #expect(failure?.details.map(\.field) == [field])
  }

  @Test(
    "Where a request goes and with which key is not a client's to say", arguments: ["api_key", "api_base", "base_url"])
  func refused(field: String) {
    for key in [field, field.replacing("_", with: "\\u005f")] {
      let failure = #expect(throws: Failure.self) { try Self.read(#"{"model":"m",\#(Self.messages),"\#(key)":"x"}"#) }
      #expect(failure?.details.map(\.field) == [field])
    }
  }

  @Test(
    "What is not a JSON object is no request",
    arguments: [
      "", " ", "{", "}", "[]", "null", "\"x\"", "{}x", "{'model':1}", "{\"model\"}", "{\"model\":}",
      "{\"model\":\"m\",}",
      "{\"model\":\"m\" \"n\":1}", "{\"model\":\"\n\"}", "{\"model\":\"\\x\"}", "{\"x\":01}", "\u{feff}{}",
      "{\"x\":" + String(repeating: "[", count: 100_000), "{\"model\":\"\\ud800\"}",
    ])
  func notJSON(body: String) {
    let failure = #expect(throws: Failure.self) { try Self.read(body) }
    #expect(failure?.code == .invalidRequest)
    #expect(failure?.reason == "invalid_json")
  }

  @Test("A request of endless fields is given up")
  func endless() {
    let many = (0..<1100).map { "\"f\($0)\":0" }.joined(separator: ",")
    let failure = #expect(throws: Failure.self) { try Self.read("{\(many)}") }
    #expect(failure?.code == .invalidRequest)
  }

  // MARK: The model's name

  @Test(
    "Only the model's name is replaced: every other byte is as it came",
    arguments: [
      (#"{"model":"small",\#(messages)}"#, #"{"model":"big","#),
      (#"{ "model"  :  "small"  ,\#(messages)}"#, #"{ "model"  :  "big"  ,"#),
      (#"{"m\u006fdel":"sm\u0061ll",\#(messages)}"#, #"{"m\u006fdel":"big","#),
      (
        #"{"x":{"model":"small"},"price":2.50,"model":"small",\#(messages)}"#,
        #"{"x":{"model":"small"},"price":2.50,"model":"big","#
      ),
      ("{\r\n\t\"é☃\":\"\\u00e9\",\"model\":\"small\",\(messages)}", "{\r\n\t\"é☃\":\"\\u00e9\",\"model\":\"big\","),
    ])
  func splice(body: String, beginning: String) throws {
    let buffer = ByteBuffer(string: body)
    let request = try Self.read(body)
    #expect(request.model == "small")
    #expect(Self.joined(request.body(buffer, askingFor: "big")) == beginning + Self.messages + "}")
  }

  @Test(
    "A name of any letters is read, and written so that JSON keeps it",
    arguments: [
      (#""é☃𐍈""#, "é☃𐍈", #"x"y\z"#, #""x\"y\\z""#), (#""\ud800\udf48/1""#, "𐍈/1", "☃", "\"☃\""),
      (#""a\"b\\c""#, #"a"b\c"#, "\n", #""\n""#), (#"" ""#, " ", "ü", "\"ü\""),
    ])
  func names(literal: String, name: String, other: String, written: String) throws {
    let body = #"{"model":\#(literal),\#(Self.messages)}"#
    let request = try Self.read(body)
    #expect(request.model == name)
    let spliced = Self.joined(request.body(ByteBuffer(string: body), askingFor: other))
    #expect(spliced == #"{"model":\#(written),\#(Self.messages)}"#)
    #expect(try Self.read(spliced).model == other)
  }

  @Test("A body that asks for the right name already is the same body")
  func same() throws {
    let body = ByteBuffer(string: #"{"model":"m",\#(Self.messages)}"#)
    #expect(try ModelRequest(body, for: .chat).body(body, askingFor: "m") == [body])
  }

  @Test("A body is read where it stands in its buffer")
  func slice() throws {
    let text = #"{"model":"small",\#(Self.messages)}"#
    var buffer = ByteBuffer(string: "skip" + text)
    buffer.moveReaderIndex(forwardBy: 4)
    let spliced = try ModelRequest(buffer, for: .chat).body(buffer, askingFor: "big")
    #expect(Self.joined(spliced) == text.replacing("small", with: "big"))
  }
}
