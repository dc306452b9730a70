import Kernel
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A client of one Redis server: one connection for commands, one for subscriptions, both on one event loop.
final class RedisClient: Sendable {
  private struct Lines {
    let commands: RedisCommands
    let subscriptions: RedisSubscriptions
  }

  private let loop: any EventLoop
  private let figures: SharedMemoryFigures
  private let entrance = RedisCommands.Entrance()
  private let audience = RedisSubscriptions.Audience()
  private let lines: NIOLoopBoundBox<Lines?>

  init(_ location: RedisLocation, timeout: Duration, loop: any EventLoop, figures: SharedMemoryFigures, logger: Logger)
  {
    self.loop = loop
    self.figures = figures
    let lines = NIOLoopBoundBox<Lines?>.makeEmptyBox(eventLoop: loop)
    self.lines = lines
    let tls = RedisTLS(location)
    loop.execute { [entrance, audience] in
      let parts = (0..<2).map { _ in RedisLine(location, tls: tls, loop: loop, figures: figures, logger: logger) }
      lines.value = Lines(
        commands: RedisCommands(parts[0], entrance: entrance, timeout: TimeAmount(timeout)),
        subscriptions: RedisSubscriptions(parts[1], audience: audience))
    }
  }

  /// What is wrong; nil while both connections work.
  var problem: String? {
    entrance.gate.withLock { $0.problem ?? $0.complaint } ?? audience.problem.withLock { $0 }
  }

  /// Keeps both connections until it is stopped.
  func run() async {
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        let finished = [loop.makePromise(of: Void.self), loop.makePromise(of: Void.self)]
        loop.execute {
          self.lines.value?.commands.begin(finished: finished[0])
          self.lines.value?.subscriptions.begin(finished: finished[1])
        }
        for promise in finished { try? await promise.futureResult.get() }  // it never fails
      } onGracefulShutdown: {
        self.stop()
      }
    } onCancel: {
      stop()
    }
    audience.subscribers.withLock { $0.removeAll() }
  }

  private func stop() {
    loop.execute {
      self.lines.value?.commands.stop()
      self.lines.value?.subscriptions.stop()
    }
  }

  // MARK: Commands

  /// Sends a command and waits for its reply, which may be an error; while Redis does not work, it fails at once.
  func call(_ command: RedisCommand) async throws(Failure) -> RESPValue {
    let start = ContinuousClock.now
    let result = await withCheckedContinuation { continuation in
      enter(RedisCall(bytes: command.bytes, continuation: continuation))
    }
    switch result {
    case .success(let reply):
      figures.count(isOK: !reply.isFailure, since: start)
      return reply
    case .failure(.refused(let problem)):
      figures.refuse()
      throw .sharedMemoryUnavailable("Redis: \(problem)")
    case .failure(.missed):
      figures.count(isOK: false, since: start)
      throw .sharedMemoryUnavailable("Redis: no answer in time")
    case .failure(.lost(let problem)):
      figures.count(isOK: false, since: start)
      throw .sharedMemoryUnavailable("Redis: \(problem)")
    }
  }

  private func enter(_ call: RedisCall) {
    switch entrance.gate.withLock({ $0.enter(call, byteCount: call.bytes.count) }) {
    case .refused(let problem): call.finish(.failure(.refused(problem)))
    case .queued(let isFirst):
      if isFirst { loop.execute { [lines] in lines.value?.commands.drain() } }
    }
  }

  // MARK: Messages

  func subscribe(_ channel: String, _ handler: @escaping Subscribers.Handler) -> SharedSubscription {
    let id = audience.subscribers.withLock { $0.add(handler, to: channel) }
    loop.execute { [lines] in lines.value?.subscriptions.added(id, to: channel) }
    return SharedSubscription { [loop, lines, audience] in
      audience.subscribers.withLock { $0.remove(id, from: channel) }
      loop.execute { lines.value?.subscriptions.removed(from: channel) }
    }
  }
}
