import Testing
import Web

/// Source: W3C Trace Context, level 1, sections 3.2 and 3.3.
@Suite("A request goes on in its caller's trace, or begins one")
struct TraceContextRulesTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  @Test(
    "A valid traceparent is continued with a span of our own",
    arguments: [
      ("00-\(trace)-\(parent)-01", "01"), ("00-\(trace)-\(parent)-00", "00"), ("00-\(trace)-\(parent)-ff", "ff"),
      // A later version is read as far as we know it.
      ("01-\(trace)-\(parent)-01", "01"), ("cc-\(trace)-\(parent)-01-what-comes-later", "01"),
      ("fe-\(trace)-\(parent)-01-", "01"),
    ])
  func continued(text: String, flags: String) {
    let context = TraceContext(traceparent: text, tracestate: "vendor=1")
    #expect(context.traceID == Self.trace)
    #expect(context.flags == flags)
    #expect(context.spanID != Self.parent)
    #expect(context.state == "vendor=1")
    #expect(context.traceparent == "00-\(Self.trace)-\(context.spanID)-\(flags)")
  }

  @Test(
    "A malformed traceparent begins a new trace, and its tracestate goes with it",
    arguments: [
      nil, "", "-", "00", "00-\(trace)", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "ff-\(trace)-\(parent)-01",
      "00-\(trace)-\(parent)-01-more", "00-\(trace)-\(parent)-01-", "0-\(trace)-\(parent)-01",
      "000-\(trace)-\(parent)-01",
      "FE-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01", "00-\(trace)-\(parent.uppercased())-01",
      "00-\(trace)-\(parent)-0A", "00-\(trace)-\(parent)-1", "00-\(trace)-\(parent)-001", "00-\(trace)-\(parent)-0g",
      "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
      "00-\(trace)x-\(parent)-01",
      "00-\(trace.dropLast())-\(parent)-01", "00-\(trace)-\(parent)0-01", " 00-\(trace)-\(parent)-01",
      "00_\(trace)_\(parent)_01",
      "00-\(trace)-\(parent)-01 ", "00-\(trace)-\(parent)-01,00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-０１",
    ])
  func begun(text: String?) {
    let context = TraceContext(traceparent: text, tracestate: "vendor=1")
    #expect(context.traceID != Self.trace)
    #expect(context.flags == "00")
    #expect(context.state == nil)
    #expect(context.traceID.wholeMatch(of: /[0-9a-f]{32}/) != nil)
    #expect(context.spanID.wholeMatch(of: /[0-9a-f]{16}/) != nil)
  }

  @Test(
    "Vendors' state is handed on while it is short and printable",
    arguments: [
      ("a=1,b=2", true), (String(repeating: "a", count: 512), true), (String(repeating: "a", count: 513), false),
      ("a=1\r\nx: y", false), ("a=\t1", false), ("a=é", false), ("", true),
    ])
  func state(text: String, isKept: Bool) {
    let context = TraceContext(traceparent: "00-\(Self.trace)-\(Self.parent)-01", tracestate: text)
    #expect(context.state == (isKept ? text : nil))
  }

  @Test("New ids differ from each other, and none is all zero")
  func unique() {
    let contexts = (0..<1000).map { _ in TraceContext(traceparent: nil, tracestate: nil) }
    #expect(Set(contexts.map(\.traceID)).count == 1000)
    #expect(Set(contexts.map(\.spanID)).count == 1000)
    #expect(contexts.allSatisfy { $0.traceID.contains { $0 != "0" } && $0.spanID.contains { $0 != "0" } })
  }
}
