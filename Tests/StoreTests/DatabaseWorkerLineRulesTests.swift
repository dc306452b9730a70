import Testing

@testable import Store

@Suite("Who waits for a connection, and who serves")
struct DatabaseWorkerLineRulesTests {
  private typealias Line = WorkerLine<String>
  private static let start = ContinuousClock.now

  private func time(_ milliseconds: Int) -> ContinuousClock.Instant { Self.start + .milliseconds(milliseconds) }

  private func line(workers: Int, waiting: Int = 4096) -> Line {
    Line(Line.Limits(workers: workers, waiting: waiting, wait: .milliseconds(1000)))
  }

  /// What is to be done, in words.
  private func words(_ actions: [Line.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .start(let worker, let turn): "start \(worker) \(turn.job)"
      case .hand(let turn, let worker): "hand \(worker) \(turn.job)"
      case .refuse(let turn, let refusal): "refuse \(turn.job) \(refusal)"
      case .end(let worker): "end \(worker)"
      }
    }
  }

  private func expect(
    _ actions: [Line.Action], _ expected: [String], _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(words(actions) == expected, comment, sourceLocation: sourceLocation)
  }

  private func turn(_ actions: [Line.Action]) throws -> Line.Turn {
    guard case .start(_, let turn) = try #require(actions.first) else { throw NotStarted() }
    return turn
  }

  private struct NotStarted: Error {}

  @Test("A worker is started for a job that finds none idle, up to the limit; then jobs wait in order")
  func order() {
    var line = line(workers: 2)
    expect(line.submit("a", at: time(0)), ["start 1 a"])
    expect(line.submit("b", at: time(0)), ["start 2 b"])
    expect(line.submit("c", at: time(0)), [])
    expect(line.submit("d", at: time(0)), [])
    expect(line.connected(1, at: time(1)) + line.connected(2, at: time(1)), [])
    #expect(line.counts == (2, 2, 2))
    expect(line.finished(2, isConnected: true, at: time(2)), ["hand 2 c"])
    expect(line.finished(1, isConnected: true, at: time(2)), ["hand 1 d"])
    expect(line.finished(1, isConnected: true, at: time(3)), [])
    #expect(line.counts == (2, 1, 0))
    expect(line.submit("e", at: time(4)), ["hand 1 e"])
  }

  @Test("No more wait than may, and nobody longer than he may")
  func limits() {
    var line = line(workers: 1, waiting: 2)
    _ = line.submit("a", at: time(0))
    _ = line.submit("b", at: time(10))
    _ = line.submit("c", at: time(20))
    expect(line.submit("d", at: time(30)), ["refuse d full"])
    #expect(line.nextDeadline == time(1010))
    expect(line.expire(at: time(1009)), [])
    expect(line.expire(at: time(1010)), ["refuse b late"])
    #expect(line.nextDeadline == time(1020))
  }

  @Test("When nobody can connect, all are refused at once, and one tries again after a growing pause")
  func unreachable() throws {
    var line = line(workers: 3)
    let first = try turn(line.submit("a", at: time(0)))
    expect(line.failed(1, first, because: "no", at: time(0)), ["refuse a unreachable(\"no\")"])
    expect(line.submit("b", at: time(99)), ["refuse b unreachable(\"no\")"])
    var now = 100
    for (number, pause) in [200, 400, 800, 1000, 1000].enumerated() {
      let again = try turn(line.submit("c", at: time(now)))
      expect(line.submit("d", at: time(now)), ["refuse d unreachable(\"no\")"], "one tries at a time")
      expect(line.failed(number + 2, again, because: "no", at: time(now)), ["refuse c unreachable(\"no\")"])
      expect(line.submit("e", at: time(now + pause - 1)), ["refuse e unreachable(\"no\")"])
      now += pause
    }
    _ = line.submit("f", at: time(now))
    expect(line.connected(7, at: time(now)), [])
    expect(line.submit("g", at: time(now)), ["start 8 g"], "one connected: all may try")
  }

  @Test("A job that found no connection waits for those that are there")
  func crowded() throws {
    var line = line(workers: 3)
    _ = line.submit("a", at: time(0))
    _ = line.connected(1, at: time(0))
    let second = try turn(line.submit("b", at: time(0)))
    expect(line.failed(2, second, because: "too many", at: time(0)), [])
    expect(line.submit("c", at: time(1)), [])
    expect(line.finished(1, isConnected: true, at: time(2)), ["hand 1 b"], "it keeps its place")
    expect(line.finished(1, isConnected: false, at: time(3)), ["refuse c unreachable(\"too many\")"])
  }

  @Test("An idle worker may end, but not when a job is on its way to it")
  func retire() {
    var line = line(workers: 2)
    _ = line.submit("a", at: time(0))
    _ = line.connected(1, at: time(0))
    let isRetiredBusy = line.retire(1)
    #expect(!isRetiredBusy)
    _ = line.finished(1, isConnected: true, at: time(1))
    let isRetiredIdle = line.retire(1)
    #expect(isRetiredIdle)
    #expect(line.counts == (1, 1, 0), "it counts until its connection is closed")
    expect(line.finished(1, isConnected: false, at: time(2)), [])
    #expect(line.counts == (0, 0, 0))
  }

  @Test("After the close nobody is served who has not begun, and the last to end drains it")
  func close() {
    var line = line(workers: 2)
    _ = line.submit("a", at: time(0)) + line.submit("b", at: time(0)) + line.submit("c", at: time(0))
    _ = line.connected(1, at: time(0)) + line.connected(2, at: time(0))
    _ = line.finished(1, isConnected: true, at: time(1))
    _ = line.finished(1, isConnected: true, at: time(2))
    _ = line.submit("d", at: time(2)) + line.submit("e", at: time(2))
    expect(line.close(), ["refuse e closed"])
    expect(line.submit("f", at: time(3)), ["refuse f closed"])
    expect(line.finished(1, isConnected: true, at: time(4)), ["end 1"])
    #expect(!line.isDrained)
    _ = line.finished(1, isConnected: false, at: time(5)) + line.finished(2, isConnected: false, at: time(5))
    #expect(line.isDrained)
  }
}
