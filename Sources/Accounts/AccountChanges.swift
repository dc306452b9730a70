package import Kernel
import Logging
import NIOCore
import ServiceLifecycle
import Store
import Synchronization
import Web

/// Keeps what this process knows true: hears of changes at once where a memory is shared, and looks for them in the
/// database twice a second whatever was heard. A revoked key so stops within a second, on every replica that reaches
/// one of the two.
package final class AccountChanges: Service {
  /// Where replicas tell each other which key has changed.
  static let channel = "apus:accounts"
  private static let interval = Duration.milliseconds(500)

  private let accounts: Accounts
  /// Written to wake the watch before its time.
  private let wakeUps: AsyncStream<Void>
  private let wakeUp: AsyncStream<Void>.Continuation

  /// Watches for changes that concern `accounts`.
  package init(_ accounts: Accounts) {
    self.accounts = accounts
    (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  package func run() async throws {
    let subscription = accounts.shared.subscribe(Self.channel) { [accounts, wakeUp] event in
      if case .message(let bytes) = event { accounts.forgetKey(String(decoding: bytes, as: UTF8.self)) }
      wakeUp.yield()
    }
    defer { subscription.cancel() }
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await self.accounts.prepare() }
      tasks.addTask { await self.tick() }
      tasks.addTask { await self.watch() }
      try? await gracefulShutdown()  // it throws when the task is cancelled: stop all the same
      tasks.cancelAll()
    }
  }

  private func tick() async {
    // It throws when the task is cancelled.
    while (try? await Task.sleep(for: Self.interval)) != nil { wakeUp.yield() }
  }

  private func watch() async {
    var isWorking = true
    for await _ in wakeUps {
      do {
        try await accounts.catchUp()
        if !isWorking { accounts.logger.info("the database tells of changes of keys again") }
        isWorking = true
      } catch {
        guard isWorking else { continue }
        isWorking = false
        accounts.logger.warning(
          "the database does not tell of changes of keys; those known stay for auth.identity_max_age",
          metadata: ["error": "\(error.message)", "cause": "\(error.cause ?? "unknown")"])
      }
    }
  }
}

extension Accounts {
  /// Takes what changed in the database since the last time, and confirms everybody else who is known.
  ///
  /// - Throws: `unavailable`.
  package func catchUp() async throws(Failure) {
    // One look after the other: what an older one saw must not stand last.
    let look = looks.withLock { last in
      let look = Task { [last] in
        _ = await last?.value
        return await self.lookResult()
      }
      last = look
      return look
    }
    try await look.value.get()
  }

  private func lookResult() async -> Result<Void, Failure> {
    do throws(Failure) {
      return .success(try await look())
    } catch {
      return .failure(error)
    }
  }

  private func look() async throws(Failure) {
    let asked = NIODeadline.now()
    let seen = seenVersion.load(ordering: .relaxed)
    if let changes = try await database.read({ try AccountsStore.changes(since: seen, in: $0) }) {
      apply(changes)
      seenVersion.store(changes.version, ordering: .relaxed)
    }
    ring.confirm(at: asked, for: configuration.identityMaxAge)
  }

  /// Forgets a key that was heard to have changed: whoever presents it is looked up again.
  func forgetKey(_ id: String) {
    guard !id.isEmpty else { return }
    ring.forget(keyIDs: [id], users: [])
  }

  /// Makes a change hold here, and tells the other replicas; nil for one that is about no key.
  ///
  /// It is on disk already: what fails here is made up for within half a second.
  func announce(_ keyID: String?) async {
    if let keyID { forgetKey(keyID) }
    try? await shared.publish(AccountChanges.channel, Array((keyID ?? "").utf8))  // the others look for themselves
    try? await catchUp()  // the watch tries again, and logs what is wrong
  }
}
