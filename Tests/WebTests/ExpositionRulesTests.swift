import Kernel
import Testing

@testable import Web

/// Source: Prometheus, "Exposition formats", text-based format 0.0.4.
@Suite("Metrics are told in Prometheus's text format")
struct ExpositionRulesTests {
  @Test("A counter has its help, its type and a line for each combination of labels, in order")
  func counters() {
    let family = Family("a_total", "What a is.", labels: ["x", "y"], make: Counter.init)
    family.with("2", "b").add(5)
    family.with("1", "c").add()
    family.with("1", "c").add()
    var text = Exposition()
    text.add(family)
    #expect(
      text.output == """
        # HELP a_total What a is.
        # TYPE a_total counter
        a_total{x="1",y="c"} 2
        a_total{x="2",y="b"} 5

        """)
  }

  @Test("A histogram's buckets hold all that is below their bound")
  func histograms() {
    let family = Family("a_seconds", "What a is.", labels: ["x"], make: { Histogram(bounds: [0.5, 1, 2.5]) })
    for seconds in [0.25, 0.5, 0.75, 2.5, 3, 100] { family.with("1").record(seconds) }
    var text = Exposition()
    text.add(family)
    #expect(
      text.output == """
        # HELP a_seconds What a is.
        # TYPE a_seconds histogram
        a_seconds_bucket{x="1",le="0.5"} 2
        a_seconds_bucket{x="1",le="1.0"} 3
        a_seconds_bucket{x="1",le="2.5"} 4
        a_seconds_bucket{x="1",le="+Inf"} 6
        a_seconds_sum{x="1"} 107.0
        a_seconds_count{x="1"} 6

        """)
  }

  @Test(
    "A label's value is escaped",
    arguments: [
      ("plain", "plain"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("é☃", "é☃"), ("", ""),
      ("\"} 1\nevil 2", "\\\"} 1\\nevil 2"),
    ])
  func escaping(value: String, escaped: String) {
    let family = Family("a_total", "A.", labels: ["x"], make: Counter.init)
    family.with(value).add()
    var text = Exposition()
    text.add(family)
    #expect(text.output == "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"\(escaped)\"} 1\n")
  }

  @Test("What has no labels has no braces")
  func gauges() {
    var text = Exposition()
    text.add(gauge: "a", "A.", -3)
    text.add(counter: "b_total", "B.", 4)
    #expect(text.output == "# HELP a A.\n# TYPE a gauge\na -3\n# HELP b_total B.\n# TYPE b_total counter\nb_total 4\n")
  }

  @Test("Counting from many threads loses nothing")
  func counting() async {
    let family = Family("a_total", "A.", labels: ["x"], make: Counter.init)
    await withTaskGroup(of: Void.self) { tasks in
      for task in 0..<8 { tasks.addTask { for _ in 0..<1000 { family.with("\(task % 2)").add() } } }
    }
    #expect(family.all.map(\.instrument.value) == [4000, 4000])
  }

  @Test("Everything that is counted is told once, with a help and a type")
  func all() throws {
    let text = Metrics(sink: LogSink(descriptor: 2), build: "1.2.3").exposition()
    let lines = text.split(separator: "\n")
    let helped = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] }
    let typed = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
    #expect(helped == typed)
    #expect(Set(helped).count == helped.count)
    #expect(lines.contains(#"apus_build_info{version="1.2.3"} 1"#))
    #expect(text.hasSuffix("\n"))
    let resident = try #require(lines.first { $0.hasPrefix("process_resident_memory_bytes ") })
    #expect(try #require(Int(resident.split(separator: " ")[1])) > 1 << 20)
    let open = try #require(lines.first { $0.hasPrefix("process_open_fds ") })
    #expect(try #require(Int(open.split(separator: " ")[1])) >= 3)
  }
}
