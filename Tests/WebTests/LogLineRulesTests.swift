import Kernel
import Logging
import NIOCore
import NIOHTTP1
import Testing
import Wire

@testable import Web

@Suite("A log line is a JSON object, whatever stands in it")
struct LogLineRulesTests {
  private static func text(_ line: LogLine) -> String { String(decoding: line.bytes, as: UTF8.self) + "}" }

  @Test("Hostile texts come through whole, on one line", arguments: hostileTexts)
  func hostile(text: String) throws {
    var line = LogLine(level: .warning, message: text)
    line.add("text", text)
    line.add(name: "key " + text, text)
    line.add("number", -42)
    line.add("flag", true)
    let written = Self.text(line)
    #expect(!written.contains { $0.isNewline && $0 != "\u{2028}" && $0 != "\u{2029}" })
    let read = try object(written)
    #expect(read["level"] as? String == "warning")
    #expect(read["message"] as? String == text)
    #expect(read["text"] as? String == text)
    #expect(read["key " + text] as? String == text)
    #expect(read["number"] as? Int == -42)
    #expect(read["flag"] as? Bool == true)
    #expect((read["time"] as? String)?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  @Test(
    "Lengths of time are in milliseconds, to the microsecond",
    arguments: [
      (0, "0.000"), (999, "0.000"), (1000, "0.001"), (12_345_678, "12.345"), (60_000_000_000, "60000.000"),
      (-5, "0.000"),
    ])
  func milliseconds(nanoseconds: Int64, expected: String) {
    #expect(LogLine.milliseconds(nanoseconds) == expected)
  }

  @Test("A request leaves what it was and how it went: no query, no key, no content")
  func request() throws {
    let head = RequestHead(
      .POST, "/v1/chat/completions?token=SECRET",
      ["authorization": "Bearer SECRET", "x-request-id": "id-1", "cookie": "SECRET"])
    let record = RequestRecord(head: head, client: "1.2.3.4")
    record.route = Route(.POST, "/v1/chat/completions", role: .user, way: .model)
    record.status = 502
    record.caller = Caller(principal: Principal(name: "ann", role: .user))
    record.model = "small"
    record.provider = "cloud"
    record.usage = Usage(inputTokens: 3, outputTokens: 4)
    record.failure = Failure(.upstreamFailed, reason: "upstream_cut", "The message.", cause: "the cause")
    let line = Self.text(LogLine(record, duration: .milliseconds(5)))
    #expect(!line.contains("SECRET"))
    let read = try object(line)
    let expected: [String: String] = [
      "level": "warning", "message": "request", "request_id": "id-1", "trace_id": record.trace.traceID,
      "method": "POST",
      "path": "/v1/chat/completions", "route": "/v1/chat/completions", "client": "1.2.3.4", "key": "ann",
      "model": "small", "provider": "cloud", "error": "upstream_cut", "cause": "the cause",
    ]
    for (name, value) in expected { #expect(read[name] as? String == value, "\(name)") }
    #expect(read["status"] as? Int == 502)
    #expect(read["input_tokens"] as? Int == 3)
    #expect(read["output_tokens"] as? Int == 4)
    #expect(read["duration_ms"] as? Double == 5)
    #expect(read["origin"] == nil)
  }

  @Test("What a client or a provider made long is cut", arguments: hostileTexts)
  func bounded(text: String) throws {
    let uri = "/" + text.filter { $0 != "?" }
    let record = RequestRecord(head: RequestHead(.GET, uri), client: "x")
    record.failure = Failure(.internalError, "m", cause: text)
    let line = Self.text(LogLine(record, duration: .zero))
    #expect(line.utf8.count < 4096)
    #expect(try object(line)["path"] as? String == String(uri.prefix(256)))
    #expect(try object(line)["origin"] as? String != nil)
  }
}
