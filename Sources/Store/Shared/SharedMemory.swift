package import Kernel
package import Logging
package import NIOCore
import ServiceLifecycle

/// What replicas share: values that end, counters, leases, locks and messages, in process memory or in Redis.
///
/// Nothing here lasts: an entry may be gone before its lifetime is over (a restart, an eviction), never after it. Every
/// operation that fails throws `Failure.unavailable` with the reason `shared_memory_unavailable`, after `timeout` at
/// the latest and at once while the backend is known not to work; callers then go on with what this process knows.
/// After a failure nobody knows whether the operation was done.
package final class SharedMemory: Service, Sendable {
  private enum Backend: Sendable {
    case memory(LocalMemory)
    case redis(RedisClient)
  }

  private let backend: Backend
  /// What is counted, whatever the backend.
  package let figures = SharedMemoryFigures()

  /// Nothing is connected before `run()`. One event loop of `group` serves all of it.
  package init(_ configuration: SharedMemoryConfiguration, group: any EventLoopGroup, logger: Logger) {
    let loop = group.next()
    backend =
      switch configuration.location {
      case .memory: .memory(LocalMemory(loop: loop, figures: figures))
      case .redis(let location):
        .redis(RedisClient(location, timeout: configuration.timeout, loop: loop, figures: figures, logger: logger))
      }
  }

  /// Keeps the connections until a graceful shutdown or cancellation; what cannot be reached is tried again and again.
  package func run() async {
    switch backend {
    case .memory(let memory): await memory.run()
    case .redis(let redis): await redis.run()
    }
  }

  /// Whether other replicas see it too; false for process memory.
  package var isShared: Bool {
    if case .redis = backend { true } else { false }
  }

  /// How it is, without asking anybody; the name is that of the part in health reports.
  package var status: (name: String, isWorking: Bool, problem: String?) {
    switch backend {
    case .memory: return ("shared:memory", true, nil)
    case .redis(let redis):
      let problem = redis.problem
      return ("shared:redis", problem == nil, problem)
    }
  }

  // MARK: Values

  /// What there is at a key; nil when there is nothing, or it has ended.
  package func get(_ key: String) async throws(Failure) -> [UInt8]? {
    switch backend {
    case .memory(let memory): try memory.get(key)
    case .redis(let redis): try await redis.get(key)
    }
  }

  /// Sets a value for a lifetime, of at least 1 ms; false when it was to be set only if absent, and something is there.
  @discardableResult
  package func set(
    _ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool = false
  ) async throws(Failure) -> Bool {
    switch backend {
    case .memory(let memory): try memory.set(key, value, for: lifetime, onlyIfAbsent: onlyIfAbsent)
    case .redis(let redis): try await redis.set(key, value, for: lifetime, onlyIfAbsent: onlyIfAbsent)
    }
  }

  /// Removes what there is at these keys, and says how many held something.
  @discardableResult
  package func remove(_ keys: [String]) async throws(Failure) -> Int {
    switch backend {
    case .memory(let memory): try memory.remove(keys)
    case .redis(let redis): try await redis.remove(keys)
    }
  }

  /// Adds to the number at a key, which is 0 where there is nothing, and returns the sum.
  ///
  /// The lifetime begins with the first increment; the later ones do not prolong it.
  @discardableResult
  package func increment(_ key: String, by amount: Int = 1, for lifetime: Duration) async throws(Failure) -> Int {
    switch backend {
    case .memory(let memory): try memory.increment(key, by: amount, for: lifetime)
    case .redis(let redis): try await redis.increment(key, by: amount, for: lifetime)
    }
  }

  /// Takes a part of what a subject may do in a window of time; `LeaseRequest` says by which rules.
  package func lease(_ request: LeaseRequest) async throws(Failure) -> Lease {
    switch backend {
    case .memory(let memory): try memory.lease(request)
    case .redis(let redis): try await redis.lease(request)
    }
  }

  // MARK: Locks

  /// Takes a lock that ends by itself after a lifetime; nil while somebody else holds it.
  ///
  /// It keeps two replicas from doing the same work twice; it is no proof of being alone, since whoever is slower than
  /// the lifetime goes on without it, and a Redis that restarts forgets it.
  package func lock(_ name: String, for lifetime: Duration) async throws(Failure) -> SharedLock? {
    let lock = SharedLock(name: name, in: self)
    let isTaken =
      switch backend {
      case .memory(let memory): try memory.lock(name, token: lock.token, for: lifetime)
      case .redis(let redis): try await redis.set(name, lock.token, for: lifetime, onlyIfAbsent: true)
      }
    return isTaken ? lock : nil
  }

  func release(_ lock: SharedLock) async throws(Failure) -> Bool {
    switch backend {
    case .memory(let memory): try memory.unlock(lock.name, token: lock.token)
    case .redis(let redis): try await redis.unlock(lock.name, token: lock.token)
    }
  }

  func extend(_ lock: SharedLock, for lifetime: Duration) async throws(Failure) -> Bool {
    switch backend {
    case .memory(let memory): try memory.extend(lock.name, token: lock.token, for: lifetime)
    case .redis(let redis): try await redis.extend(lock.name, token: lock.token, for: lifetime)
    }
  }

  // MARK: Messages

  /// Tells all who subscribed to a channel, on every replica, this one included. Nobody is told later.
  package func publish(_ channel: String, _ message: [UInt8]) async throws(Failure) {
    switch backend {
    case .memory(let memory): memory.publish(channel, message)
    case .redis(let redis): try await redis.publish(channel, message)
    }
  }

  /// Calls `handler` with every message of a channel, one after the other on one event loop, which it must not block.
  ///
  /// It lasts until the subscription is cancelled or let go, or the service stops.
  package func subscribe(
    _ channel: String, _ handler: @escaping @Sendable (SharedEvent) -> Void
  ) -> SharedSubscription {
    switch backend {
    case .memory(let memory): memory.subscribe(channel, handler)
    case .redis(let redis): redis.subscribe(channel, handler)
    }
  }
}
