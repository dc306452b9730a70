import NIOCore
import Synchronization
import Web

/// The callers that this process knows by the digests of their keys and tokens: what the door asks for every request.
///
/// Bounded, and in drawers, so that event loops seldom wait for each other.
final class KeyRing: Sendable {
  /// Where a caller was found.
  enum Source: Sendable, Equatable {
    /// In the configuration: believed until that is read again.
    case configuration
    /// In the database, under this id: believed as long as changes there are heard of.
    case key(id: String, user: UserName?)
    /// In a signed token: believed until it ends.
    case token(UserName)

    var isOfDatabase: Bool {
      if case .key = self { true } else { false }
    }

    func isOf(_ users: Set<UserName>) -> Bool {
      switch self {
      case .configuration: false
      case .key(_, let user): user.map(users.contains) ?? false
      case .token(let user): users.contains(user)
      }
    }
  }

  private struct Entry: Sendable {
    let caller: Caller
    let source: Source
  }

  private final class Drawer: Sendable {
    let entries = Mutex<[KeyDigest: Entry]>([:])
  }

  /// How many callers are known at most, those of the configuration left aside.
  static let capacity = 100_000
  private static let drawerCount = 64

  private let drawers = (0..<drawerCount).map { _ in Drawer() }
  /// Until when callers of the database are believed, in nanoseconds of the monotonic clock.
  private let believedUntil = Atomic<UInt64>(0)
  /// Counts what was forgotten: who looked something up before that may have seen an old state.
  private let forgettings = Atomic<Int>(0)

  /// How many callers are known.
  var count: Int { drawers.reduce(0) { $0 + $1.entries.withLock { $0.count } } }

  /// The caller behind a digest, if it is known and still holds.
  func caller(for digest: KeyDigest) -> Caller? {
    let found = drawer(of: digest).entries.withLock { entries in
      entries[digest].map { (caller: $0.caller, isOfDatabase: $0.source.isOfDatabase) }
    }
    guard let (caller, isOfDatabase) = found else { return nil }
    guard isOfDatabase || caller.expiry != nil else { return caller }
    let now = NIODeadline.now()
    if let expiry = caller.expiry, expiry <= now { return nil }
    if isOfDatabase, believedUntil.load(ordering: .relaxed) <= now.uptimeNanoseconds { return nil }
    return caller
  }

  /// A number to hand to `remember` by whoever begins to look something up now.
  var moment: Int { forgettings.load(ordering: .sequentiallyConsistent) }

  /// Remembers a caller, unless something was forgotten since `moment`: it may be what was just looked up.
  func remember(_ caller: Caller, _ source: Source, for digest: KeyDigest, since moment: Int) {
    drawer(of: digest).entries.withLock { entries in
      guard self.moment == moment else { return }
      if entries.count >= Self.capacity / Self.drawerCount {
        let victims = entries.filter { $0.value.source != .configuration }.keys.prefix(entries.count / 8)
        for victim in Array(victims) { entries[victim] = nil }
      }
      entries[digest] = Entry(caller: caller, source: source)
    }
  }

  /// Forgets the keys with these ids, and all that these users hold.
  func forget(keyIDs: Set<String>, users: Set<UserName>) {
    forget { source in
      if case .key(let id, _) = source, keyIDs.contains(id) { return true }
      return !users.isEmpty && source.isOf(users)
    }
  }

  /// Forgets everybody, and knows these instead.
  func replaceAll(with configured: [(KeyDigest, Caller)]) {
    forget { _ in true }
    for (digest, caller) in configured {
      drawer(of: digest).entries.withLock { $0[digest] = Entry(caller: caller, source: .configuration) }
    }
  }

  /// Callers of the database are believed for so long from `moment` on, when they were confirmed.
  func confirm(at moment: NIODeadline, for age: Duration) {
    believedUntil.store((moment + age.timeAmount).uptimeNanoseconds, ordering: .relaxed)
  }

  private func forget(where isGone: (Source) -> Bool) {
    // Before the drawers are opened: what is put in afterwards was looked up before, and is refused.
    forgettings.wrappingAdd(1, ordering: .sequentiallyConsistent)
    for drawer in drawers {
      drawer.entries.withLock { entries in
        for (digest, entry) in entries where isGone(entry.source) { entries[digest] = nil }
      }
    }
  }

  private func drawer(of digest: KeyDigest) -> Drawer { drawers[digest.drawer % Self.drawerCount] }
}
