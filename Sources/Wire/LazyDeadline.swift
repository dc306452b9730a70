package import NIOCore

/// One deadline that moves often and passes seldom.
///
/// Moving it later costs a store: the timer that is already set looks at it when it fires, and sets itself again.
/// Used on its event loop alone.
package final class LazyDeadline {
  private let loop: any EventLoop
  private let onPassed: () -> Void
  private var deadline: NIODeadline?
  private var timer: Scheduled<Void>?
  private var timerDeadline = NIODeadline.distantFuture

  /// A deadline that is not set; `onPassed` runs on `loop` when one passes.
  package init(loop: any EventLoop, onPassed: @escaping () -> Void) {
    self.loop = loop
    self.onPassed = onPassed
  }

  /// Moves the deadline; nil means never.
  package func set(_ deadline: NIODeadline?) {
    self.deadline = deadline
    guard let deadline, deadline < timerDeadline else { return }
    arm(deadline)
  }

  /// Forgets the deadline and its timer, so that nothing keeps this object alive.
  package func cancel() {
    deadline = nil
    timer?.cancel()
    timer = nil
    timerDeadline = .distantFuture
  }

  private func arm(_ deadline: NIODeadline) {
    timer?.cancel()
    timerDeadline = deadline
    timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
      timer = nil
      timerDeadline = .distantFuture
      guard let deadline = self.deadline else { return }
      if deadline <= loop.now {
        self.deadline = nil
        onPassed()
      } else {
        arm(deadline)
      }
    }
  }
}
