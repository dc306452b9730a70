import NIOCore
import Testing

@testable import Web

@Suite("Work is what lies between begin and pause, and waiting is not")
struct WorkClockRulesTests {
  private static let hour = TimeAmount.hours(1)

  @Test("Nothing is worked before it begins")
  func nothing() {
    var clock = WorkClock()
    #expect(clock.total == .zero)
    #expect(clock.began == nil)
    clock.pause()
    #expect(clock.total == .zero)
  }

  @Test("Work counts while it goes on, from an earlier moment, too")
  func goesOn() {
    var clock = WorkClock()
    let before = NIODeadline.now()
    clock.begin(before - Self.hour)
    #expect(clock.began == before - Self.hour)
    let total = clock.total
    #expect(total >= Self.hour)
    #expect(total <= Self.hour + (.now() - before))
    #expect(clock.total >= total)
  }

  @Test("Work that goes on does not begin again")
  func beginsOnce() {
    var clock = WorkClock()
    clock.begin(.now() - Self.hour)
    clock.begin()
    #expect(clock.total >= Self.hour)
    clock.begin(.now() - Self.hour - Self.hour)
    #expect(clock.total < Self.hour + Self.hour)
  }

  @Test("Waiting does not count, pieces of work add up, and a pause in a pause is none")
  func pieces() {
    var clock = WorkClock()
    clock.begin(.now() - Self.hour)
    clock.pause()
    let first = clock.total
    #expect(clock.began == nil)
    #expect(clock.total == first, "it stands still")
    clock.pause()
    #expect(clock.total == first)
    clock.begin(.now() - Self.hour)
    clock.pause()
    #expect(clock.total >= first + Self.hour)
    #expect(clock.total < first + Self.hour + .minutes(1))
  }
}
