import Kernel
import Logging
import NIOCore

/// A client of one Redis server.
final class RedisClient: Sendable {
  init(_ location: RedisLocation, timeout: Duration, loop: any EventLoop, figures: SharedMemoryFigures, logger: Logger)
  {
  }
  func run() async {}
  var problem: String? { "not connected" }
  func call(_ command: RedisCommand) async throws(Failure) -> RESPValue {
    throw .sharedMemoryUnavailable("not connected")
  }
  func subscribe(_ channel: String, _ handler: @escaping Subscribers.Handler) -> SharedSubscription {
    SharedSubscription {}
  }
}
