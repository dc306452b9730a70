import Testing

@testable import Web

@Suite("A sliding window never holds more than its limit")
struct SlidingWindowRulesTests {
  /// Every moment at which one was taken, and nothing clever.
  private struct Oracle {
    let length: Int64
    var taken: [Int64] = []

    mutating func take(_ limit: Int, now: Int64) -> Bool {
      taken.removeAll { $0 + length <= now }
      guard taken.count < limit else { return false }
      taken.append(now)
      return true
    }
  }

  /// The window where an expectation can reach it.
  private final class Scene {
    var window: SlidingWindow

    init(length: Int64) { window = SlidingWindow(length: length) }

    func take(_ limit: Int, now: Int64) -> Bool { window.take(limit, now: now) }
    func wait(for limit: Int, now: Int64) -> Int64 { window.wait(for: limit, now: now) }
    func reset(now: Int64) -> Int64 { window.reset(now: now) }
  }

  @Test("It agrees with a list of all moments, whatever comes", arguments: 0..<20)
  func agrees(seed: Int) {
    var random = SystemRandomNumberGenerator()
    let window = Scene(length: 1000)
    var oracle = Oracle(length: 1000)
    var now: Int64 = 0
    for _ in 0..<5000 {
      let isQuick = Bool.random(using: &random)
      now += Int64.random(in: 0...(isQuick ? 2 : 200), using: &random)
      let limit = Int.random(in: 0...40, using: &random)
      let expected = oracle.take(limit, now: now)
      #expect(window.take(limit, now: now) == expected)
      #expect(window.window.count == oracle.taken.count)
    }
  }

  @Test("What it says about waiting holds: not a millisecond before, and then at once")
  func waits() {
    let window = Scene(length: 60_001)
    for moment in [0, 10, 10, 20_000] { #expect(window.take(4, now: Int64(moment))) }
    #expect(!window.take(4, now: 30_000))
    #expect(window.wait(for: 4, now: 30_000) == 30_001)
    #expect(!window.take(4, now: 60_000))
    #expect(window.take(4, now: 60_001))
    #expect(window.wait(for: 2, now: 60_001) == 20_000)
    #expect(window.wait(for: 5, now: 60_001) == 0)
    #expect(window.wait(for: 0, now: 60_001) == 60_001)
    #expect(window.reset(now: 60_002) == 60_000)
    #expect(window.reset(now: 200_000) == 0)
  }

  @Test("What is given back is there again, once, and only while it was counted")
  func givesBack() {
    let window = Scene(length: 100)
    #expect(window.take(1, now: 5))
    window.window.giveBack(takenAt: 4)
    #expect(!window.take(1, now: 6))
    window.window.giveBack(takenAt: 5)
    window.window.giveBack(takenAt: 5)
    #expect(window.take(1, now: 7))
    #expect(!window.take(1, now: 106))
    #expect(window.take(1, now: 107))
    window.window.giveBack(takenAt: 7)
    #expect(!window.take(1, now: 108))
  }

  @Test("A busy window needs no more than an entry for each of its milliseconds")
  func isBounded() {
    var window = SlidingWindow(length: 1000)
    for step in 0..<200_000 { _ = window.take(.max, now: Int64(step / 20)) }
    #expect(window.count == 20_000)
    #expect(MemoryLayout.size(ofValue: window) < 64)
    #expect(Mirror(reflecting: window).descendant("entries").flatMap { ($0 as? [Any])?.count } ?? .max <= 2100)
  }
}
