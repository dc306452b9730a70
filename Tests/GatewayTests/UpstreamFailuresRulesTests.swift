import Kernel
import Testing
import Wire

@testable import Gateway

@Suite("What a client is told when a provider fails")
struct UpstreamFailuresRulesTests {
  @Test(
    "Each fault has its code and its reason; the system's words are for the log",
    arguments: [
      (.unreachable("SECRET"), .upstreamFailed, "upstream_unreachable"),
      (.connectTimeout, .upstreamFailed, "upstream_unreachable"),
      (.insecure("SECRET"), .upstreamFailed, "upstream_unreachable"),
      (.closedBeforeHead, .upstreamFailed, "upstream_cut"),
      (.cut("SECRET"), .upstreamFailed, "upstream_cut"),
      (.invalid("SECRET"), .upstreamFailed, "upstream_invalid_response"),
      (.responseTimeout, .upstreamTimeout, "upstream_timeout"), (.idleTimeout, .upstreamTimeout, "upstream_timeout"),
      (.exhausted, .unavailable, "upstream_busy"),
    ] as [(UpstreamFault, Failure.Code, String)])
  func faults(fault: UpstreamFault, code: Failure.Code, reason: String) {
    let failure = UpstreamFailures.failure(for: fault, provider: "cloud")
    #expect(failure.code == code)
    #expect(failure.reason == reason)
    #expect(failure.message.contains("'cloud'"))
    #expect(!failure.message.contains("SECRET"))
    #expect(failure.cause == "\(fault)")
  }

  @Test(
    "An answer passes when it is one of an API, whatever its status",
    arguments: [
      (200, "application/json"), (201, "application/json"), (200, "text/event-stream"), (400, "application/json"),
      (404, "application/problem+json"), (422, "application/json"), (429, "application/json"),
      (500, "application/json"),
      (503, "application/json"),
    ])
  func passes(status: Int, type: String) {
    #expect(UpstreamFailures.failure(for: Self.head(status, type), provider: "cloud") == nil)
  }

  @Test(
    "Any other becomes an error of ours",
    arguments: [
      (401, "application/json", .upstreamFailed, "upstream_rejected_key"),
      (403, "application/json", .upstreamFailed, "upstream_rejected_key"),
      (407, "text/html", .upstreamFailed, "upstream_rejected_key"),
      (200, "text/html", .upstreamFailed, "upstream_invalid_response"),
      (200, nil, .upstreamFailed, "upstream_invalid_response"),
      (204, nil, .upstreamFailed, "upstream_invalid_response"),
      (302, "application/json", .upstreamFailed, "upstream_invalid_response"),
      (304, "application/json", .upstreamFailed, "upstream_invalid_response"),
      (404, "text/html", .upstreamFailed, "upstream_invalid_response"),
      (500, "text/html", .upstreamFailed, "upstream_invalid_response"),
      (500, "text/event-stream", .upstreamFailed, "upstream_invalid_response"),
      (429, "text/html", .rateLimited, "upstream_rate_limited"),
      (503, "text/html", .unavailable, "upstream_unavailable"), (504, nil, .upstreamTimeout, "upstream_timeout"),
    ] as [(Int, String?, Failure.Code, String)])
  func heads(status: Int, type: String?, code: Failure.Code, reason: String) throws {
    let failure = try #require(UpstreamFailures.failure(for: Self.head(status, type), provider: "cloud"))
    #expect(failure.code == code)
    #expect(failure.reason == reason)
    #expect(failure.cause?.contains("\(status)") == true)
  }

  @Test(
    "Retry-After is understood in seconds, and handed on",
    arguments: [
      ("7", Duration.seconds(7)), ("0", .zero), ("Wed, 21 Oct 2015 07:28:00 GMT", nil), (nil, nil), ("", nil),
    ]
      as [(String?, Duration?)])
  func retryAfter(value: String?, expected: Duration?) {
    for status in [429, 503] {
      var head = Self.head(status, "text/html")
      if let value { head.lines.add("retry-after", value) }
      #expect(UpstreamFailures.failure(for: head, provider: "cloud")?.retryAfter == expected)
    }
  }

  private static func head(_ status: Int, _ type: String?) -> ResponseHead {
    ResponseHead(status, HeaderLines(type.map { [("content-type", $0)] } ?? []))
  }
}
