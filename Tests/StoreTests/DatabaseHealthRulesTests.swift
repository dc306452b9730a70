import Testing

@testable import Store

@Suite("A database's health is what its last transactions say, reads and writes apart")
struct DatabaseHealthRulesTests {
  private static let start = ContinuousClock.now

  private func time(_ seconds: Double) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

  @Test("A read says nothing about writing; a write that succeeds says all is well")
  func apart() {
    var health = DatabaseHealth()
    #expect(health.note("full", isWrite: true, at: time(0)) == .broken("full"))
    for second in 1...9 {
      #expect(health.note(nil, isWrite: false, at: time(Double(second))) == nil)
      #expect(health.problem(at: time(Double(second))) == "full")
    }
    #expect(health.note(nil, isWrite: true, at: time(9)) == .mended)
    #expect(health.problem(at: time(9)) == nil)
    #expect(health.note("gone", isWrite: false, at: time(20)) == .broken("gone"))
    #expect(health.note(nil, isWrite: true, at: time(21)) == .mended)
    #expect(health.problem(at: time(21)) == nil)
  }

  @Test("A write that failed is forgotten when nobody writes any more")
  func forgotten() {
    var health = DatabaseHealth()
    #expect(health.note("full", isWrite: true, at: time(0)) == .broken("full"))
    #expect(health.problem(at: time(9.9)) == "full")
    #expect(health.problem(at: time(10)) == nil)
    #expect(health.note(nil, isWrite: false, at: time(11)) == .mended)
  }

  @Test("However it goes up and down, the log hears of it once in ten seconds")
  func log() {
    var health = DatabaseHealth()
    var broken = 0
    for step in 0..<1000 {
      let trouble = step % 2 == 0 ? "slow" : nil
      if case .broken = health.note(trouble, isWrite: false, at: time(Double(step) / 10)) { broken += 1 }
    }
    #expect(broken == 10)
  }
}
