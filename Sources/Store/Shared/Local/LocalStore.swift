/// What `SharedMemory` holds in the memory of this process; every operation is given the time, in milliseconds.
///
/// Counters, locks and windows are kept apart from values that were only set, so that no flood of cached answers evicts
/// what decides. Either half holds 100,000 entries; values 192 MiB, the others 64 MiB. Beyond that the soonest to end
/// goes: the window of a subject that was quiet longest, a lock that is nearly over.
struct LocalStore {
  /// What cannot be done with what is there; the words are Redis's, and for the log.
  enum Fault: Error, Equatable {
    case wrongKind
    case notANumber
    case overflow
    case tooLarge
  }

  private var values: LocalEntries
  private var decisions: LocalEntries

  init(
    values: LocalEntries = LocalEntries(maxCount: 100_000, maxBytes: 192 << 20),
    decisions: LocalEntries = LocalEntries(maxCount: 100_000, maxBytes: 64 << 20)
  ) {
    self.values = values
    self.decisions = decisions
  }

  var byteCount: Int { values.byteCount + decisions.byteCount }

  func get(_ key: String, at now: Int) throws(Fault) -> [UInt8]? {
    switch find(key, at: now)?.value {
    case .bytes(let bytes): return bytes
    case .window: throw .wrongKind
    case nil: return nil
    }
  }

  mutating func set(_ key: String, _ value: [UInt8], for lifetime: Int, at now: Int) throws(Fault) {
    guard values.hasRoom(for: key, .bytes(value)) else { throw .tooLarge }
    decisions.remove(key)
    values.put(key, .bytes(value), until: now + lifetime, at: now)
  }

  /// False when there is something already.
  mutating func setIfAbsent(
    _ key: String, _ value: [UInt8], for lifetime: Int, at now: Int
  ) throws(Fault) -> Bool {
    guard find(key, at: now) == nil else { return false }
    try set(key, value, for: lifetime, at: now)
    return true
  }

  mutating func remove(_ key: String, at now: Int) -> Bool {
    let wasThere = find(key, at: now) != nil
    forget(key)
    return wasThere
  }

  /// Adds to a number, or to 0; the lifetime begins with the first time.
  mutating func increment(_ key: String, by amount: Int, for lifetime: Int, at now: Int) throws(Fault) -> Int {
    let found = find(key, at: now)
    var number = 0
    switch found?.value {
    case .bytes(let bytes):
      // As Redis reads a number: digits without anything around them.
      guard let read = Int(String(decoding: bytes, as: UTF8.self)), Array("\(read)".utf8) == bytes else {
        throw .notANumber
      }
      number = read
    case .window: throw .wrongKind
    case nil: break
    }
    let (sum, isTooMuch) = number.addingReportingOverflow(amount)
    guard !isTooMuch else { throw .overflow }
    decide(key, .bytes(Array("\(sum)".utf8)), until: found?.end ?? now + lifetime, at: now)
    return sum
  }

  mutating func lease(_ request: LeaseRequest, at now: Int) throws(Fault) -> Lease {
    var window = LeaseWindow()
    switch find(request.subject, at: now)?.value {
    case .bytes: throw .wrongKind
    case .window(let found): window = found
    case nil: break
    }
    let lease = window.grant(request, at: now)
    if lease.used > 0 {
      decide(request.subject, .window(window), until: now + LeaseWindow.lifetime(of: request), at: now)
    } else {
      forget(request.subject)
    }
    return lease
  }

  // MARK: Locks

  /// Takes a lock with a token that nobody else knows; false when it is held.
  mutating func lock(_ key: String, token: [UInt8], for lifetime: Int, at now: Int) -> Bool {
    guard find(key, at: now) == nil else { return false }
    decide(key, .bytes(token), until: now + lifetime, at: now)
    return true
  }

  /// Gives up a lock if it still is the token's.
  mutating func unlock(_ key: String, token: [UInt8], at now: Int) -> Bool {
    guard find(key, at: now)?.value == .bytes(token) else { return false }
    forget(key)
    return true
  }

  /// Lets a lock last from now on, if it still is the token's.
  mutating func extend(_ key: String, token: [UInt8], for lifetime: Int, at now: Int) -> Bool {
    guard find(key, at: now)?.value == .bytes(token) else { return false }
    decisions.move(key, to: now + lifetime)
    values.move(key, to: now + lifetime)
    return true
  }

  // MARK: Both halves

  private func find(_ key: String, at now: Int) -> (value: LocalEntries.Value, end: Int)? {
    decisions.find(key, at: now) ?? values.find(key, at: now)
  }

  private mutating func decide(_ key: String, _ value: LocalEntries.Value, until end: Int, at now: Int) {
    values.remove(key)
    decisions.put(key, value, until: end, at: now)
  }

  private mutating func forget(_ key: String) {
    values.remove(key)
    decisions.remove(key)
  }
}
