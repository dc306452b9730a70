import Gateway
import Testing

/// Drives the rules by hand: the clock moves when it is told to, and the newest ticket is remembered.
private struct Story {
  var rules = LlamaServerState()
  var now = ContinuousClock.now
  var ticket = 0

  @discardableResult
  mutating func tell(_ event: LlamaServerState.Event) -> [LlamaServerState.Action] {
    let actions = rules.receive(event, at: now)
    for case .probe(let ticket) in actions { self.ticket = ticket }
    for case .wake(_, let ticket) in actions { self.ticket = ticket }
    return actions
  }

  /// Begun, started as process 7 and answering.
  static func ready() -> Story {
    var story = Story()
    story.tell(.begin)
    story.tell(.started(pid: 7))
    story.tell(.healthy(ticket: story.ticket))
    return story
  }

  /// Lets the process end, and says how long the pause is before it is started again.
  mutating func pauseAfterExit() -> Duration? {
    for case .wake(let pause, _) in tell(.exited("exited with status 1")) { return pause }
    return nil
  }

  mutating func restart() {
    tell(.timer(ticket: ticket))
    tell(.started(pid: 8))
  }
}

@Suite struct LlamaServerStateRulesTests {
  @Test func `a server is started, asked until it answers, and then asked every five seconds`() {
    var story = Story()
    #expect(story.tell(.begin) == [.spawn])
    #expect(story.rules.state == .starting)
    #expect(story.tell(.started(pid: 7)) == [.probe(ticket: 1)])
    #expect(story.tell(.unhealthy("503", ticket: 1)) == [.wake(after: .milliseconds(250), ticket: 2)])
    #expect(story.tell(.timer(ticket: 2)) == [.probe(ticket: 3)])
    #expect(story.rules.state == .starting)
    #expect(story.tell(.healthy(ticket: 3)) == [.wake(after: .seconds(5), ticket: 4)])
    #expect(story.rules.state == .ready)
    #expect(story.rules.pid == 7)
    #expect(story.tell(.timer(ticket: 4)) == [.probe(ticket: 5)])
  }

  @Test func `a server that ends is started again after a pause that doubles up to thirty seconds`() {
    var story = Story.ready()
    var pauses: [Duration?] = []
    for _ in 0..<8 {
      pauses.append(story.pauseAfterExit())
      story.restart()
    }
    #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    #expect(story.rules.restarts == 8)
  }

  @Test func `a minute of health earns the shortest pause again, and less does not`() {
    var story = Story.ready()
    #expect(story.pauseAfterExit() == .milliseconds(500))
    story.restart()
    story.tell(.healthy(ticket: story.ticket))
    story.now += .seconds(59)
    #expect(story.pauseAfterExit() == .seconds(1))
    story.restart()
    story.tell(.healthy(ticket: story.ticket))
    story.now += .seconds(60)
    #expect(story.pauseAfterExit() == .milliseconds(500))
  }

  @Test func `three missed probes in a row kill a server, and one answer between them forgives`() {
    var story = Story.ready()
    func miss() -> [LlamaServerState.Action] {
      story.tell(.timer(ticket: story.ticket))
      return story.tell(.unhealthy("timed out", ticket: story.ticket))
    }
    #expect(miss() != [.kill])
    #expect(miss() != [.kill])
    story.tell(.timer(ticket: story.ticket))
    story.tell(.healthy(ticket: story.ticket))
    #expect(miss() != [.kill])
    #expect(miss() != [.kill])
    #expect(story.rules.state == .ready)
    #expect(miss() == [.kill])
    #expect(story.rules.state == .restarting)
    #expect(story.pauseAfterExit() == .milliseconds(500))
    #expect(story.rules.detail == "did not answer 3 times in a row: timed out")
  }

  @Test func `a server that is not ready within ten minutes is killed`() {
    var story = Story()
    story.tell(.begin)
    story.tell(.started(pid: 7))
    story.now += .seconds(599)
    #expect(story.tell(.unhealthy("503", ticket: story.ticket)) != [.kill])
    story.tell(.timer(ticket: story.ticket))
    story.now += .seconds(1)
    #expect(story.tell(.unhealthy("503", ticket: story.ticket)) == [.kill])
    #expect(story.rules.state == .failed)
  }

  @Test func `what cannot be started is reported as failed with its reason, and tried again`() {
    var story = Story()
    story.tell(.begin)
    #expect(story.tell(.notStarted("no model")) == [.wake(after: .milliseconds(500), ticket: 1)])
    #expect(story.rules.state == .failed)
    #expect(story.rules.detail == "no model")
    #expect(story.tell(.timer(ticket: 1)) == [.spawn])
    #expect(story.rules.state == .failed, "still, while nothing has started")
    story.tell(.started(pid: 7))
    #expect(story.rules.state == .starting)
    story.tell(.healthy(ticket: story.ticket))
    #expect(story.rules.detail == nil)
    #expect(story.rules.restarts == 0)
  }

  @Test func `a server that ended before it was ready has failed; one that ended later is restarting`() {
    var story = Story()
    story.tell(.begin)
    story.tell(.started(pid: 7))
    story.tell(.exited("exited with status 1"))
    #expect(story.rules.state == .failed)
    #expect(story.rules.detail == "exited with status 1 before it was ready")
    story = Story.ready()
    story.tell(.exited("was killed by signal 9"))
    #expect(story.rules.state == .restarting)
    #expect(story.rules.pid == nil)
  }

  @Test func `answers to old questions change nothing`() {
    var story = Story()
    story.tell(.begin)
    story.tell(.started(pid: 7))
    let old = story.ticket
    story.tell(.exited("exited with status 1"))
    #expect(story.tell(.healthy(ticket: old)) == [])
    #expect(story.tell(.unhealthy("refused", ticket: old)) == [])
    #expect(story.tell(.timer(ticket: old)) == [])
    #expect(story.rules.state == .failed)
  }

  @Test func `a stop asks the process to end, kills it after five seconds, and is done when it is gone`() {
    var story = Story.ready()
    #expect(story.tell(.stop) == [.terminate, .wake(after: .seconds(5), ticket: story.ticket)])
    #expect(story.rules.state == .stopped)
    #expect(story.tell(.stop) == [])
    #expect(story.tell(.timer(ticket: story.ticket)) == [.kill])
    #expect(story.tell(.exited("was killed by signal 9")) == [.finish])
    #expect(story.rules.pid == nil)
    #expect(story.rules.restarts == 0)
  }

  @Test func `an exit while stopping is the end, and nothing is started again`() {
    var story = Story.ready()
    story.tell(.stop)
    #expect(story.tell(.exited("exited with status 0")) == [.finish])
    #expect(story.tell(.timer(ticket: story.ticket)) == [])
  }

  @Test func `a stop during the pause is the end at once`() {
    var story = Story.ready()
    story.tell(.exited("exited with status 1"))
    #expect(story.tell(.stop) == [.finish])
    #expect(story.tell(.timer(ticket: story.ticket)) == [])
  }

  @Test func `a stop while the process is being started ends it when it is there`() {
    var story = Story()
    story.tell(.begin)
    #expect(story.tell(.stop) == [])
    #expect(story.tell(.started(pid: 7)) == [.terminate, .wake(after: .seconds(5), ticket: story.ticket)])
    story = Story()
    story.tell(.begin)
    story.tell(.abort)
    #expect(story.tell(.started(pid: 7)) == [.kill])
    story = Story()
    story.tell(.begin)
    story.tell(.stop)
    #expect(story.tell(.notStarted("no model")) == [.finish])
  }

  @Test func `an abort kills at once, also when a stop is under way`() {
    var story = Story.ready()
    #expect(story.tell(.abort) == [.kill])
    story = Story.ready()
    story.tell(.stop)
    #expect(story.tell(.abort) == [.kill])
    #expect(story.tell(.abort) == [])
  }

  @Test func `a server that was stopped before it began never starts`() {
    var story = Story()
    #expect(story.tell(.abort) == [])
    #expect(story.tell(.begin) == [.finish])
  }
}
