import Kernel
import NIOCore
import NIOHTTP1
import Testing
import Wire

@testable import Web

@Suite("What a connection remembers counts each request where it belongs")
struct InstrumentCacheRulesTests {
  private static let seconds = TimeAmount.seconds(1)

  private static func record(_ route: String?, _ model: String?, _ status: Int) -> RequestRecord {
    let record = RequestRecord(head: RequestHead(.POST, "/x"), client: "")
    record.route = route.map { Route(.POST, $0, role: nil, way: .model) }
    record.model = model
    record.status = status
    record.usage = model.map { _ in Usage(inputTokens: 3, outputTokens: 5) }
    return record
  }

  private static let kinds: [(route: String?, model: String?, status: Int)] = [
    ("/a", "m", 200), ("/a", "m", 200), ("/a", "m", 500), ("/a", "n", 500), ("/b", "n", 500), ("/b", "n", 200),
    ("/b", nil, 200), (nil, nil, 404), ("/a", "m", 200),
  ]

  @Test("One connection counts what connections of their own would, in any order", arguments: 0..<kinds.count)
  func order(shift: Int) {
    let sink = LogSink(descriptor: 2)
    let (together, apart) = (Metrics(sink: sink, build: "x"), Metrics(sink: sink, build: "x"))
    var shared = InstrumentCache()
    for number in Self.kinds.indices {
      let kind = Self.kinds[(number + shift) % Self.kinds.count]
      let record = Self.record(kind.route, kind.model, kind.status)
      shared.count(record, duration: Self.seconds, in: together)
      var own = InstrumentCache()
      own.count(record, duration: Self.seconds, in: apart)
    }
    #expect(lines(together) == lines(apart))
    #expect(lines(together).contains(#"apus_requests_total{route="/a",model="m",status="200"} 3"#))
    #expect(lines(together).contains(#"apus_requests_total{route="/a",model="m",status="500"} 1"#))
    #expect(lines(together).contains(#"apus_requests_total{route="other",model="",status="404"} 1"#))
    #expect(lines(together).contains(#"apus_tokens_total{model="m",direction="output"} 20"#))
    #expect(lines(together).contains(#"apus_request_duration_seconds_count{route="/b",model="n"} 2"#))
  }

  @Test("The first token is timed for streams that began, and for nothing else")
  func firstTokens() {
    let metrics = Metrics(sink: LogSink(descriptor: 2), build: "x")
    var cache = InstrumentCache()
    for (isStream, hasBegun) in [(true, true), (true, false), (false, true), (false, false)] {
      let record = Self.record("/a", "m", 200)
      record.isStream = isStream
      record.firstOutput = hasBegun ? record.start + Self.seconds : nil
      cache.count(record, duration: Self.seconds, in: metrics)
    }
    #expect(lines(metrics).contains(#"apus_time_to_first_token_seconds_count{model="m"} 1"#))
    #expect(lines(metrics).contains(#"apus_time_to_first_token_seconds_sum{model="m"} 1.0"#))
  }

  /// What is counted by request: the rest of the exposition is about the process.
  private func lines(_ metrics: Metrics) -> [String] {
    metrics.exposition().split(separator: "\n").map(String.init)
      .filter { $0.contains("{") && $0.contains("route=") || $0.contains("model=") }.sorted()
  }
}
