import Kernel
import NIOCore
import Testing

@testable import Web

@Suite("The fields of a body are read by name and type, and everything wrong is named at once")
struct FieldsRulesTests {
  private enum Size: String, CaseIterable { case small, large }

  private static func fields(_ json: String) throws(Failure) -> Fields { try Fields(ByteBuffer(string: json)) }

  /// The names of the fields that are refused when all of these are asked for.
  private static func refused(_ json: String) throws -> [String] {
    var fields = try fields(json)
    _ = fields.text("text", in: 2...4)
    _ = fields.integer("number", in: 0...10)
    let _: Size? = fields.choice("size")
    _ = fields.texts("list", atMost: 2)
    _ = fields.textMap("map", atMost: 2)
    _ = fields.moment("when")
    do throws(Failure) {
      try fields.finish()
      return []
    } catch {
      return error.details.map(\.field)
    }
  }

  @Test(
    "What is right, absent or null passes",
    arguments: [
      "{}", "", " { } ", #"{"text":"ab","number":10,"size":"large","list":["a","b"],"map":{"a":"","b":"x"}}"#,
      #"{"text":null,"number":null,"size":null,"list":null,"map":null,"when":null}"#, #"{"number":5.0}"#,
      #"{"number":1e1}"#, #"{"text":"\u00e9\u00e9"}"#, #"{"list":[],"map":{}}"#, #"{"when":"2030-01-31T12:00:00Z"}"#,
    ])
  func right(json: String) throws {
    #expect(try Self.refused(json) == [])
  }

  @Test(
    "What is wrong is named",
    arguments: [
      (#"{"text":1}"#, ["text"]), (#"{"text":"a"}"#, ["text"]), (#"{"text":"abcde"}"#, ["text"]),
      (#"{"text":"a\u0000b"}"#, ["text"]), (#"{"text":"e\u0301e"}"#, ["text"]), (#"{"number":"1"}"#, ["number"]),
      (#"{"number":1.5}"#, ["number"]), (#"{"number":1e999}"#, ["number"]), (#"{"number":-1}"#, ["number"]),
      (#"{"number":99999999999999999999}"#, ["number"]), (#"{"size":"huge"}"#, ["size"]), (#"{"size":0}"#, ["size"]),
      (#"{"list":"a"}"#, ["list"]), (#"{"list":["a","b","c"]}"#, ["list"]), (#"{"list":[1]}"#, ["list"]),
      (#"{"list":[""]}"#, ["list"]), (#"{"map":{"a":1}}"#, ["map"]), (#"{"map":{"":"x"}}"#, ["map"]),
      (#"{"map":{"a":"1","a":"2"}}"#, ["map"]), (#"{"map":[]}"#, ["map"]), (#"{"when":"tomorrow"}"#, ["when"]),
      (#"{"when":1}"#, ["when"]), (#"{"other":1}"#, ["other"]), (#"{"Text":"ab"}"#, ["Text"]),
      (#"{"text":"ab","text":"cd"}"#, ["text"]), (#"{"text":1,"number":"x","other":2}"#, ["text", "number", "other"]),
    ])
  func wrong(json: String, names: [String]) throws {
    #expect(try Self.refused(json) == names)
  }

  @Test(
    "What is no JSON object is refused as a whole", arguments: ["[]", "1", "\"a\"", "null", "{", "{\"a\":}", "{}x"])
  func noObject(text: String) {
    let failure = #expect(throws: Failure.self) { try Self.fields(text) }
    #expect(failure?.code == .invalidRequest && failure?.reason == "invalid_json")
  }

  @Test("Neither size nor depth nor a crowd of unknown names costs much")
  func bounds() throws {
    let large = #"{"text":""# + String(repeating: "a", count: 70_000) + "\"}"
    #expect(#expect(throws: Failure.self) { try Self.fields(large) }?.code == .tooLarge)
    let deep = String(repeating: "[", count: 10_000)
    #expect(#expect(throws: Failure.self) { try Self.fields("{\"a\":" + deep) }?.reason == "invalid_json")
    let crowd = "{" + (0..<5000).map { "\"n\($0)\":1" }.joined(separator: ",") + "}"
    #expect(try Self.refused(crowd).count == 20)
  }

  @Test("A needed field that is absent, null or wrong is named")
  func required() throws {
    for json in ["{}", #"{"name":null}"#, #"{"name":7}"#] {
      var fields = try Self.fields(json)
      #expect(fields.text("name", required: true) == nil)
      #expect(#expect(throws: Failure.self) { try fields.finish() }?.details.map(\.field) == ["name"])
    }
  }
}

@Suite("Moments are read and written as RFC 3339 says")
struct MomentRulesTests {
  @Test(
    "A text is one moment",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T23:59:59.5Z", -500),
      ("2000-02-29T00:00:00Z", 951_782_400_000), ("2030-01-31T12:00:00.123456789Z", 1_896_091_200_123),
      ("2100-03-01t00:00:00z", 4_107_542_400_000), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
    ])
  func read(text: String, milliseconds: Int64) {
    #expect(Moment.milliseconds(text) == milliseconds)
    #expect(Moment.milliseconds(Moment.text(milliseconds)) == milliseconds)
  }

  @Test(
    "What is no moment is none",
    arguments: [
      "", "now", "2030-02-30T00:00:00Z", "2100-02-29T00:00:00Z", "2030-13-01T00:00:00Z", "2030-00-10T00:00:00Z",
      "2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z", "2030-01-01T00:00:60Z", "2030-01-01T00:00:00", "2030-01-01",
      "2030-01-01 00:00:00Z", "2030-01-01T00:00:00+1:00", "2030-01-01T00:00:00+24:00", "٢٠٣٠-01-01T00:00:00Z",
      "2030-01-01T00:00:00Z ", "2030-01-01T00:00:00.Z", "2030-04-31T00:00:00Z",
    ])
  func refused(text: String) {
    #expect(Moment.milliseconds(text) == nil)
  }
}
