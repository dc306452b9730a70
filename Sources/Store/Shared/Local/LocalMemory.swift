import Kernel
import NIOCore
import ServiceLifecycle
import Synchronization

/// `SharedMemory` in the memory of this process: `LocalStore` behind a lock, and the process's own subscribers.
final class LocalMemory: Sendable {
  private let store = Mutex(LocalStore())
  private let subscribers = Mutex(Subscribers())
  /// Where handlers are called, as with Redis: one after the other.
  private let loop: any EventLoop
  private let figures: SharedMemoryFigures

  init(loop: any EventLoop, figures: SharedMemoryFigures) {
    self.loop = loop
    self.figures = figures
  }

  /// There is nothing to do but to end.
  func run() async {
    // Cancelled is as good as stopped.
    try? await gracefulShutdown()
    subscribers.withLock { $0.removeAll() }
  }

  func get(_ key: String) throws(Failure) -> [UInt8]? {
    try change { store, now throws(LocalStore.Fault) in try store.get(key, at: now) }
  }

  func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool) throws(Failure) -> Bool {
    try change { store, now throws(LocalStore.Fault) in
      if onlyIfAbsent { return try store.setIfAbsent(key, value, for: lifetime.lifetimeMilliseconds, at: now) }
      try store.set(key, value, for: lifetime.lifetimeMilliseconds, at: now)
      return true
    }
  }

  func remove(_ keys: [String]) throws(Failure) -> Int {
    try change { store, now throws(LocalStore.Fault) in keys.count { store.remove($0, at: now) } }
  }

  func increment(_ key: String, by amount: Int, for lifetime: Duration) throws(Failure) -> Int {
    try change { store, now throws(LocalStore.Fault) in
      try store.increment(key, by: amount, for: lifetime.lifetimeMilliseconds, at: now)
    }
  }

  func lease(_ request: LeaseRequest) throws(Failure) -> Lease {
    try change { store, now throws(LocalStore.Fault) in try store.lease(request, at: now) }
  }

  func lock(_ key: String, token: [UInt8], for lifetime: Duration) throws(Failure) -> Bool {
    try change { store, now in store.lock(key, token: token, for: lifetime.lifetimeMilliseconds, at: now) }
  }

  func unlock(_ key: String, token: [UInt8]) throws(Failure) -> Bool {
    try change { store, now in store.unlock(key, token: token, at: now) }
  }

  func extend(_ key: String, token: [UInt8], for lifetime: Duration) throws(Failure) -> Bool {
    try change { store, now in store.extend(key, token: token, for: lifetime.lifetimeMilliseconds, at: now) }
  }

  private func change<Result>(
    _ body: (inout LocalStore, _ now: Int) throws(LocalStore.Fault) -> Result
  ) throws(Failure) -> Result {
    let start = ContinuousClock.now
    do throws(LocalStore.Fault) {
      let now = Int(NIODeadline.now().uptimeNanoseconds / 1_000_000)
      let result = try store.withLock { store throws(LocalStore.Fault) in try body(&store, now) }
      figures.count(isOK: true, since: start)
      return result
    } catch {
      figures.count(isOK: false, since: start)
      throw .sharedMemoryUnavailable("\(error)")
    }
  }

  // MARK: Messages

  func publish(_ channel: String, _ message: [UInt8]) {
    loop.execute {
      for handler in self.subscribers.withLock({ $0.handlers(of: channel) }) { handler(.message(message)) }
    }
  }

  func subscribe(_ channel: String, _ handler: @escaping @Sendable (SharedEvent) -> Void) -> SharedSubscription {
    let id = subscribers.withLock { $0.add(handler, to: channel) }
    loop.execute { self.subscribers.withLock { $0.join(id, channel) }?(.resumed) }
    return SharedSubscription { [weak self] in
      self?.subscribers.withLock { $0.remove(id, from: channel) }
    }
  }
}
