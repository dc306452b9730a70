import Testing

@testable import Web

@Suite("An allowance lets in what its limits leave, alone and together with replicas")
struct AllowanceStateRulesTests {
  /// The state where an expectation can reach it, with the limits of one caller.
  private final class Scene {
    var state: AllowanceState
    var limits: RequestLimits

    init(_ limits: RequestLimits, isShared: Bool) {
      state = AllowanceState(isShared: isShared)
      self.limits = limits
    }

    private var limit: Int { limits.requestsPerMinute ?? .max }

    func enter(now: Int64) -> AllowanceDecision { state.enter(limits, now: now) }
    func enterAlone(now: Int64) -> AllowanceDecision { state.enter(limits, alone: true, now: now) }
    func standing(now: Int64) -> Standing { state.standing(limit, now: now) }
    func vain(now: Int64) -> [Int] { state.vain(now: now).map(\.count) }
    func ask(now: Int64) -> (wanted: Int, returned: [(bucket: Int64, count: Int)])? { state.ask(limit, now: now) }

    func granted(_ count: Int, of wanted: Int, bucket: Int64, retryMilliseconds: Int64, sent: Int64, now: Int64) {
      let grant = LeaseSource.Grant(count: count, bucket: bucket, retryMilliseconds: retryMilliseconds)
      state.take(grant, of: wanted, below: limit, sent: sent, now: now)
    }
  }

  private static func alone(_ perMinute: Int?, atOnce: Int? = nil) -> Scene {
    Scene(RequestLimits(requestsPerMinute: perMinute, concurrentRequests: atOnce), isShared: false)
  }

  @Test("Alone: so many in any minute, and again when the first of them is a minute old")
  func perMinute() {
    let scene = Self.alone(3)
    #expect((0..<4).map { scene.enter(now: Int64($0)) } == [.entered, .entered, .entered, .tooMany])
    #expect(scene.enter(now: 60_000) == .tooMany)
    #expect(scene.enter(now: 60_001) == .entered)
    #expect(scene.enter(now: 60_001) == .tooMany)
    #expect(scene.enter(now: 60_002) == .entered)
  }

  @Test("At once: so many, and one more for each that leaves")
  func atOnce() {
    let scene = Self.alone(nil, atOnce: 2)
    #expect((0..<3).map { _ in scene.enter(now: 0) } == [.entered, .entered, .tooManyAtOnce])
    scene.state.leave()
    #expect(scene.enter(now: 0) == .entered)
    #expect(scene.state.running == 2)
  }

  @Test("A request that could not be served at once is not counted in the minute")
  func refusedIsFree() {
    let scene = Self.alone(2, atOnce: 1)
    #expect(scene.enter(now: 0) == .entered)
    #expect(scene.enter(now: 0) == .tooManyAtOnce)
    scene.state.leave()
    #expect(scene.enter(now: 0) == .entered)
    #expect(scene.standing(now: 0).remaining == 0)
  }

  @Test("What is taken back may be used again")
  func takenBack() {
    let scene = Self.alone(1, atOnce: 1)
    #expect(scene.enter(now: 7) == .entered)
    scene.state.takeBack(enteredAt: 7, spentLease: false, now: 7)
    #expect(scene.enter(now: 8) == .entered)
  }

  @Test("A limit of zero lets nobody in, a new limit holds at once")
  func changes() {
    let scene = Self.alone(0)
    #expect(scene.enter(now: 0) == .tooMany)
    scene.limits.requestsPerMinute = 2
    #expect((0..<3).map { _ in scene.enter(now: 1) } == [.entered, .entered, .tooMany])
    scene.limits.requestsPerMinute = 1
    #expect(scene.enter(now: 50_000) == .tooMany)
    #expect(scene.standing(now: 50_000).waitMilliseconds == 10_002)
  }

  // MARK: Together

  private static func together(_ perMinute: Int) -> Scene {
    Scene(RequestLimits(requestsPerMinute: perMinute), isShared: true)
  }

  @Test("Nobody enters without a lease, and no longer than it lasts")
  func leases() throws {
    let scene = Self.together(10)
    #expect(scene.enter(now: 0) == .mustAsk)
    scene.state.wait()
    scene.state.wait()
    let want = try #require(scene.ask(now: 0))
    #expect(want.wanted == 2)
    #expect(scene.ask(now: 0) == nil, "one question at a time")
    scene.granted(2, of: 2, bucket: 40, retryMilliseconds: 0, sent: 0, now: 30)
    #expect(scene.enter(now: 31) == .entered)
    #expect(scene.enter(now: 1000) == .mustAsk, "a lease is spent within a second of its asking")
    let next = try #require(scene.ask(now: 1000))
    #expect(next.returned.map(\.bucket) == [40])
    #expect(next.returned.map(\.count) == [1])
  }

  @Test("A shared count that is full is not asked again before there can be room")
  func full() throws {
    let scene = Self.together(10)
    _ = scene.ask(now: 0)
    scene.granted(0, of: 1, bucket: 0, retryMilliseconds: 5000, sent: 0, now: 10)
    #expect(scene.enter(now: 11) == .tooMany)
    #expect(scene.standing(now: 11).waitMilliseconds == 4999)
    #expect(scene.standing(now: 11).remaining == 0)
    #expect(scene.enter(now: 5010) == .mustAsk)
  }

  @Test("A higher limit asks again where a lower one found the shared count full")
  func otherLimit() {
    let scene = Self.together(10)
    _ = scene.ask(now: 0)
    scene.granted(0, of: 1, bucket: 0, retryMilliseconds: 50_000, sent: 0, now: 10)
    #expect(scene.enter(now: 11) == .tooMany)
    scene.limits.requestsPerMinute = 9
    #expect(scene.enter(now: 11) == .tooMany)
    scene.limits.requestsPerMinute = 11
    #expect(scene.enter(now: 11) == .mustAsk)
  }

  @Test("What was leased in vain is given back once it has lapsed, and once only; what was not leased is not")
  func givesBack() {
    let scene = Self.together(100)
    _ = scene.ask(now: 0)
    scene.granted(3, of: 3, bucket: 1, retryMilliseconds: 0, sent: 0, now: 1)
    #expect(scene.enter(now: 2) == .entered)
    let spentLease = scene.state.lastSpentLease
    scene.state.takeBack(enteredAt: 2, spentLease: spentLease, now: 2)
    #expect(scene.vain(now: 999) == [])
    #expect(scene.vain(now: 1000) == [3])
    #expect(scene.vain(now: 1001) == [])
    _ = scene.ask(now: 1001)
    scene.state.failed(now: 1002)
    #expect(scene.enter(now: 1003) == .entered)
    let again = scene.state.lastSpentLease
    scene.state.takeBack(enteredAt: 1003, spentLease: again, now: 1003)
    #expect(!again && scene.vain(now: 9000) == [])
  }

  @Test("A request that asked in vain too often is judged by this process alone")
  func alone() {
    let scene = Self.together(1)
    #expect(scene.enter(now: 0) == .mustAsk)
    #expect(scene.enterAlone(now: 0) == .entered)
    #expect(scene.enterAlone(now: 1) == .tooMany)
  }

  @Test("While the shared count cannot be reached, a process counts alone, and asks again after a while")
  func outage() throws {
    let scene = Self.together(2)
    _ = scene.ask(now: 0)
    scene.state.failed(now: 50)
    #expect((0..<3).map { _ in scene.enter(now: 51) } == [.entered, .entered, .tooMany])
    #expect(scene.enter(now: 1050) == .tooMany, "its own window is full, whatever the others did")
    #expect(scene.enter(now: 60_053) == .mustAsk)
  }

  /// The shared count as Redis keeps it, in plain words: what was granted counts until its bucket is a window old.
  private struct Count {
    var granted: [(bucket: Int64, count: Int)] = []

    mutating func lease(_ limit: Int, _ wanted: Int, _ returned: [(bucket: Int64, count: Int)], now: Int64) -> Int {
      let window = AllowanceState.minute + AllowanceState.leaseLifetime
      granted.removeAll { ($0.bucket + 1) * 250 + window <= now }
      for back in returned {
        guard let index = granted.firstIndex(where: { $0.bucket == back.bucket }) else { continue }
        granted[index].count -= back.count
      }
      let count = max(0, min(wanted, limit - granted.reduce(0) { $0 + $1.count }))
      if let index = granted.firstIndex(where: { $0.bucket == now / 250 }) {
        granted[index].count += count
      } else {
        granted.append((now / 250, count))
      }
      return count
    }
  }

  @Test("Three replicas over one count never let in more than the limit in any minute", arguments: [1, 7, 50, 600])
  func replicas(limit: Int) throws {
    var random = SystemRandomNumberGenerator()
    let replicas = (0..<3).map { _ in Self.together(limit) }
    var count = Count()
    var entered: [Int64] = []
    var now: Int64 = 0
    for _ in 0..<6000 {
      now += Int64.random(in: 0...60, using: &random)
      let replica = Int.random(in: 0..<3, using: &random)
      var decision = replicas[replica].enter(now: now)
      if decision == .mustAsk {
        replicas[replica].state.wait()
        let want = try #require(replicas[replica].ask(now: now))
        // The answer takes its time, and the requests that come meanwhile wait.
        let sent = now
        now += Int64.random(in: 0...20, using: &random)
        let granted = count.lease(limit, want.wanted, want.returned, now: now)
        replicas[replica].granted(
          granted, of: want.wanted, bucket: now / 250, retryMilliseconds: 300, sent: sent, now: now)
        replicas[replica].state.stopWaiting()
        decision = replicas[replica].enter(now: now)
      }
      if decision == .entered {
        entered.append(now)
        replicas[replica].state.leave()
        let inMinute = entered.reversed().prefix { $0 > now - 60_000 }.count
        #expect(inMinute <= limit)
      }
    }
    #expect(entered.count >= limit, "the limit is there to be used")
  }
}
