import NIOCore
import NIOEmbedded
import Testing
import Wire

@Suite("A deadline moves often and passes once")
struct LazyDeadlineRulesTests {
  /// A deadline on a loop whose clock the test moves; `passed` holds the seconds at which it passed.
  final class Scene {
    let loop = EmbeddedEventLoop()
    private(set) var passed: [Int64] = []
    private(set) lazy var deadline: LazyDeadline = LazyDeadline(loop: loop) { [unowned self] in
      passed.append(seconds)
      if let again { deadline.set(loop.now + again) }
    }
    /// Sets the deadline again each time it passes.
    var again: TimeAmount?

    private var seconds: Int64 { (loop.now - .uptimeNanoseconds(0)).nanoseconds / 1_000_000_000 }

    func set(_ second: Int64) {
      deadline.set(.uptimeNanoseconds(0) + .seconds(second))
    }

    /// Moves the clock in steps of one second.
    func advance(to second: Int64) {
      while seconds < second { loop.advanceTime(by: .seconds(1)) }
    }
  }

  @Test("It passes when it is reached, once")
  func passes() {
    let scene = Scene()
    scene.set(3)
    scene.advance(to: 2)
    #expect(scene.passed.isEmpty)
    scene.advance(to: 20)
    #expect(scene.passed == [3])
  }

  @Test("Moved later, it does not pass early")
  func later() {
    let scene = Scene()
    scene.set(3)
    scene.advance(to: 2)
    scene.set(7)
    scene.advance(to: 6)
    #expect(scene.passed.isEmpty)
    scene.advance(to: 20)
    #expect(scene.passed == [7])
  }

  @Test("Moved later again and again, it passes once, after the last move")
  func laterOften() {
    let scene = Scene()
    for second in 0..<100 as Range<Int64> {
      scene.advance(to: second)
      scene.set(second + 5)
    }
    #expect(scene.passed.isEmpty)
    scene.advance(to: 200)
    #expect(scene.passed == [104])
  }

  @Test("Moved earlier, it passes earlier, and not a second time at the old moment")
  func earlier() {
    let scene = Scene()
    scene.set(9)
    scene.advance(to: 1)
    scene.set(4)
    scene.advance(to: 20)
    #expect(scene.passed == [4])
  }

  @Test("Moved later and then earlier than the timer that is set")
  func laterThenEarlier() {
    let scene = Scene()
    scene.set(5)
    scene.set(9)
    scene.set(3)
    scene.advance(to: 20)
    #expect(scene.passed == [3])
  }

  @Test("Moved earlier and later again, it passes at the last moment set")
  func earlierThenLater() {
    let scene = Scene()
    scene.set(9)
    scene.set(3)
    scene.set(12)
    scene.advance(to: 20)
    #expect(scene.passed == [12])
  }

  @Test("Set to never, it does not pass; set again, it does")
  func never() {
    let scene = Scene()
    scene.set(3)
    scene.deadline.set(nil)
    scene.advance(to: 5)
    #expect(scene.passed.isEmpty)
    scene.set(8)
    scene.advance(to: 20)
    #expect(scene.passed == [8])
  }

  @Test("Set to never and again before the old timer fires, it passes at the new moment")
  func neverAndAgain() {
    let scene = Scene()
    scene.set(3)
    scene.deadline.set(nil)
    scene.set(6)
    scene.advance(to: 20)
    #expect(scene.passed == [6])
  }

  @Test("Cancelled, it never passes; it can be set again")
  func cancelled() {
    let scene = Scene()
    scene.set(3)
    scene.set(5)
    scene.deadline.cancel()
    scene.advance(to: 10)
    #expect(scene.passed.isEmpty)
    scene.set(12)
    scene.advance(to: 20)
    #expect(scene.passed == [12])
  }

  @Test("It can be set anew when it passes")
  func again() {
    let scene = Scene()
    scene.again = .seconds(4)
    scene.set(2)
    scene.advance(to: 15)
    #expect(scene.passed == [2, 6, 10, 14])
    scene.deadline.cancel()
  }

  @Test("A moment that is over passes at the loop's next turn, and not before")
  func past() {
    let scene = Scene()
    scene.advance(to: 5)
    scene.set(2)
    #expect(scene.passed.isEmpty)
    scene.loop.run()
    #expect(scene.passed.count == 1)
  }

  @Test("Once cancelled or passed, it keeps nothing alive")
  func memory() {
    weak var cancelled: LazyDeadline?
    weak var passed: LazyDeadline?
    let loop = EmbeddedEventLoop()
    do {
      let first = LazyDeadline(loop: loop) {}
      let second = LazyDeadline(loop: loop) {}
      (cancelled, passed) = (first, second)
      first.set(loop.now + .hours(1))
      first.cancel()
      second.set(loop.now + .seconds(1))
    }
    #expect(cancelled == nil)
    loop.advanceTime(by: .seconds(1))
    #expect(passed == nil)
  }
}
