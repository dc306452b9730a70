import NIOCore
import Testing

@testable import Store

@Suite("A connection to Redis is opened, given up and opened again by rules")
struct RedisConnectionRulesTests {
  /// Sends events one after the other, and returns what is to be done after each.
  private func play(_ events: [RedisLink.Event]) -> (link: RedisLink, actions: [[RedisLink.Action]]) {
    var link = RedisLink()
    let actions = events.map { link.receive($0, jitter: 0) }
    return (link, actions)
  }

  private static let up: [RedisLink.Event] = [.begin, .opened, .greeted]

  @Test("It is opened, greeted, and then announced")
  func opens() {
    let (link, actions) = play(Self.up)
    #expect(link.state == .up)
    #expect(actions == [[.connect], [.greet, .wake(.seconds(1))], [.wake(.seconds(5)), .announce]])
  }

  @Test("What cannot be opened is tried again, after longer and longer pauses")
  func unreachable() {
    let attempts = (0..<7).flatMap { _ in [RedisLink.Event.notOpened("no"), .timer] }
    let (link, actions) = play([.begin] + attempts)
    let pauses = [50, 100, 200, 400, 800, 1000, 1000].map { TimeAmount.milliseconds($0) }
    let expected = pauses.flatMap { [[RedisLink.Action.withdraw("no"), .wake($0)], [.connect]] }
    #expect(actions == [[.connect]] + expected)
    #expect(link.state == .connecting)
  }

  @Test("Once it stood for a while, the pauses are short again")
  func shortAgain() {
    let failed = (0..<5).flatMap { _ in [RedisLink.Event.notOpened("no"), .timer] }
    let (_, actions) = play([.begin] + failed + [.opened, .greeted, .timer, .closed])
    #expect(actions.dropLast().last == [.wake(nil), .trust])
    #expect(actions.last == [.withdraw("the connection was closed"), .wake(.milliseconds(50))])
  }

  @Test("One that is closed right after each greeting is not opened again and again without a pause")
  func refusedAfterGreeting() {
    let attempt: [RedisLink.Event] = [.opened, .greeted, .failed("no"), .closed, .timer]
    let (_, actions) = play([.begin] + (0..<6).flatMap { _ in attempt })
    let pauses = [50, 100, 200, 400, 800, 1000].map { [RedisLink.Action.wake(.milliseconds($0))] }
    #expect(stride(from: 4, to: 30, by: 5).map { actions[$0] } == pauses)
  }

  @Test("A greeting without an answer, or with a wrong one, closes; only then comes the next attempt")
  func greetings() {
    let (_, silent) = play([.begin, .opened, .timer, .timer, .closed, .timer])
    #expect(silent[2] == [.wake(nil), .withdraw("it does not answer"), .close])
    #expect(silent[3].isEmpty)
    #expect(silent[4] == [.wake(.milliseconds(50))])
    #expect(silent[5] == [.connect])
    let (_, refused) = play([.begin, .opened, .failed("no"), .failed("again"), .closed])
    #expect(refused[2] == [.wake(nil), .withdraw("no"), .close])
    #expect(refused[3].isEmpty)
  }

  @Test("A connection that stands is given up once, whatever else happens to it")
  func givenUp() {
    let (link, actions) = play(Self.up + [.failed("silent"), .failed("again"), .closed, .closed, .failed("late")])
    #expect(actions[3] == [.wake(nil), .withdraw("silent"), .close])
    #expect(actions[4].isEmpty)
    #expect(actions[5] == [.wake(.milliseconds(50))])
    #expect(actions[6].isEmpty && actions[7].isEmpty)
    #expect(link.state == .waiting)
  }

  @Test(
    "Stopped in any state it finishes once, with nothing left open",
    arguments: [
      ([], []), ([.begin], [.opened, .closed]), ([.begin], [.notOpened("no")]), ([.begin, .opened], [.closed]),
      ([.begin, .notOpened("no")], []), (up, [.closed]), (up + [.failed("no")], [.closed]), (up + [.closed], []),
    ] as [([RedisLink.Event], [RedisLink.Event])])
  func stop(before: [RedisLink.Event], after: [RedisLink.Event]) {
    let (link, actions) = play(before + [.stop] + after + [.stop, .begin, .timer, .opened, .closed])
    #expect(link.state == .stopped)
    #expect(actions.joined().count { $0 == .finish } == 1)
    let ended = actions.dropFirst(before.count).joined()
    #expect(!ended.contains(.connect) && !ended.contains(.announce))
    #expect(ended.contains(.withdraw("it is stopped")))
    // Whatever connection there was or came is closed, unless it closed itself.
    #expect(!after.contains(.closed) || ended.contains(.close) || actions.joined().contains(.close))
  }

  @Test("Any sequence of events leaves it with a way on")
  func anySequence() {
    let events: [RedisLink.Event] = [
      .begin, .opened, .notOpened("a"), .greeted, .failed("b"), .closed, .timer,
    ]
    for _ in 0..<2000 {
      var link = RedisLink()
      var isAnnounced = false
      for _ in 0..<30 {
        guard let event = events.randomElement() else { continue }
        for action in link.receive(event, jitter: .random(in: 0..<1)) {
          switch action {
          case .announce:
            #expect(!isAnnounced)
            isAnnounced = true
          case .withdraw: isAnnounced = false
          case .finish: Issue.record("it finished without being stopped")
          default: break
          }
        }
        #expect(isAnnounced == (link.state == .up))
      }
    }
  }

  @Test("Pauses are shortened by up to a half, and never more than a second")
  func jitter() {
    #expect(RedisLink.pause(afterFailures: 1, jitter: 0.999) >= .milliseconds(25))
    #expect(RedisLink.pause(afterFailures: 1, jitter: 0.5) == .microseconds(37_500))
    for failures in 0...200 {
      let (longest, shortest) = (
        RedisLink.pause(afterFailures: failures, jitter: 0), RedisLink.pause(afterFailures: failures, jitter: 0.999)
      )
      #expect(longest <= .seconds(1) && longest >= .milliseconds(50))
      #expect(shortest.nanoseconds * 2 >= longest.nanoseconds && shortest < longest)
    }
  }
}

@Suite("A breaker keeps commands from a Redis that is too slow")
struct RedisBreakerRulesTests {
  @Test("It opens after three missed deadlines in a row, not before")
  func opens() {
    var breaker = RedisBreaker()
    for _ in 0..<5 {
      #expect(breaker.missed() == .none)
      #expect(breaker.missed() == .none)
      breaker.answered()
    }
    #expect(breaker.missed() == .none)
    #expect(breaker.missed() == .none)
    #expect(!breaker.isOpen)
    #expect(breaker.missed() == .open)
    #expect(breaker.isOpen)
    #expect(breaker.missed() == .none)
  }

  @Test("One probe after the other is sent until one returns in time")
  func probes() {
    var breaker = RedisBreaker()
    for _ in 0..<3 { _ = breaker.missed() }
    for _ in 0..<4 { #expect(breaker.probeReturned(isInTime: false) == .probe) }
    #expect(breaker.probeReturned(isInTime: true) == .close)
    #expect(!breaker.isOpen)
    #expect(breaker.missed() == .none)
    #expect(breaker.probeReturned(isInTime: true) == .none)
  }
}
