import Testing
import Wire

@testable import Web

@Suite("A caller is told how it stands as OpenAI tells it, and as the draft of RateLimit does")
struct RateLimitLinesRulesTests {
  private static func lines(_ standing: Standing) -> [String] {
    var lines = HeaderLines()
    standing.add(to: &lines)
    return lines.all.map { "\($0.name): \($0.value)" }
  }

  @Test("With room left, the time is until all of it is back")
  func room() {
    let standing = Standing(limit: 50, remaining: 49, waitMilliseconds: 0, resetMilliseconds: 12_345)
    #expect(
      Self.lines(standing) == [
        "x-ratelimit-limit-requests: 50", "x-ratelimit-remaining-requests: 49", "x-ratelimit-reset-requests: 12.345s",
        #"ratelimit-policy: "requests";q=50;w=60"#, #"ratelimit: "requests";r=49;t=13"#,
      ])
  }

  @Test("With none left, it is until there is some")
  func none() {
    let standing = Standing(limit: 1_000_000, remaining: 0, waitMilliseconds: 1, resetMilliseconds: 60_000)
    #expect(
      Self.lines(standing) == [
        "x-ratelimit-limit-requests: 1000000", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1m0s",
        #"ratelimit-policy: "requests";q=1000000;w=60"#, #"ratelimit: "requests";r=0;t=1"#,
      ])
  }

  @Test(
    "Times are written as short as they are",
    arguments: [(0, "0ms"), (7, "7ms"), (999, "999ms"), (1000, "1s"), (1001, "1.001s"), (60_050, "1m0.050s")])
  func times(milliseconds: Int64, text: String) {
    let standing = Standing(limit: 1, remaining: 1, waitMilliseconds: 0, resetMilliseconds: milliseconds)
    #expect(Self.lines(standing)[2] == "x-ratelimit-reset-requests: " + text)
  }
}
