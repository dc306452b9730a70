import Kernel
package import NIOCore
import ServiceLifecycle

/// Asks every event loop ten times a second to be on time, and records how late it was.
package struct LoopLag: Service {
  private static let interval = TimeAmount.milliseconds(100)

  let group: any EventLoopGroup
  let metrics: Metrics

  /// Watches the loops of `group`.
  package init(group: any EventLoopGroup, metrics: Metrics) {
    self.group = group
    self.metrics = metrics
  }

  package func run() async throws {
    let tasks = group.makeIterator().enumerated().map { number, loop in
      Self.watch(loop, recording: metrics.loopLag.with(String(number)))
    }
    try? await gracefulShutdown()  // it throws when the task is cancelled: stop all the same
    for task in tasks { task.cancel() }
  }

  private static func watch(_ loop: any EventLoop, recording histogram: Histogram) -> RepeatedTask {
    let expected = NIOLoopBoundBox.makeBoxSendingValue(NIODeadline.now() + interval, eventLoop: loop)
    return loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      let now = NIODeadline.now()
      histogram.record(max(0, (now - expected.value).seconds))
      expected.value = now + interval
    }
  }
}
