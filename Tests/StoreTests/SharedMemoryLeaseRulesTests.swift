import Testing

@testable import Store

/// Every single unit that was granted, and nothing cleverer.
private struct LeaseOracle {
  private var units: [(bucket: Int, moment: Int)] = []

  mutating func used(at now: Int, window: Int) -> Int {
    units.removeAll { ($0.bucket + 1) * 250 + window <= now }
    return units.count
  }

  mutating func takeBack(_ share: LeaseCount) {
    for _ in 0..<max(0, share.count) {
      guard let position = units.firstIndex(where: { $0.bucket == share.bucket }) else { return }
      units.remove(at: position)
    }
  }

  mutating func grant(_ request: LeaseRequest, at now: Int) -> Lease {
    _ = used(at: now, window: request.windowMilliseconds)
    request.returned.forEach { takeBack($0) }
    let room = max(0, request.limit - units.count)
    let granted = max(0, min(room, request.wanted))
    for _ in 0..<granted { units.append((now / 250, now)) }
    let leaves = units.map { ($0.bucket + 1) * 250 + request.windowMilliseconds - now }
    return Lease(
      granted: granted, bucket: now / 250, used: units.count,
      retryMilliseconds: granted < request.wanted ? leaves.min() ?? request.windowMilliseconds : 0,
      resetMilliseconds: leaves.max() ?? 0)
  }

  /// The most that one window of this length holds, of what was granted and kept.
  func most(in window: Int) -> Int {
    units.map { first in units.count { $0.moment >= first.moment && $0.moment < first.moment + window } }.max() ?? 0
  }
}

@Suite("A window of leases slides exactly")
struct SharedMemoryLeaseRulesTests {
  @Test("Any sequence of requests gets what counting every unit would give")
  func oracle() {
    for _ in 0..<300 {
      var (window, oracle) = (LeaseWindow(), LeaseOracle())
      var now = Int.random(in: 0..<1_000_000)
      let length = Int.random(in: 1...5000)
      var held: [LeaseCount] = []
      for _ in 0..<100 {
        now += .random(in: 0...600)
        var request = LeaseRequest(
          subject: "s", limit: .random(in: -1...20), windowMilliseconds: length, wanted: .random(in: -1...12))
        if !held.isEmpty, Bool.random() {
          var share = held.remove(at: .random(in: held.indices))
          share.count = .random(in: -1...share.count + 2)
          request.returned = [share]
        }
        let lease = window.grant(request, at: now)
        #expect(lease == oracle.grant(request, at: now))
        if lease.granted > 0 { held.append(LeaseCount(bucket: lease.bucket, count: lease.granted)) }
      }
    }
  }

  @Test("No window of the length holds more than the limit")
  func everyWindow() {
    for _ in 0..<50 {
      var window = LeaseWindow()
      var grants: [(moment: Int, count: Int)] = []
      var now = 0
      let length = Int.random(in: 100...2000)
      for _ in 0..<500 {
        now += .random(in: 0...40)
        let lease = window.grant(
          LeaseRequest(subject: "s", limit: 10, windowMilliseconds: length, wanted: .random(in: 0...4)), at: now)
        grants.append((now, lease.granted))
      }
      for first in grants {
        let sum = grants.filter { $0.moment >= first.moment && $0.moment < first.moment + length }
        #expect(sum.reduce(0) { $0 + $1.count } <= 10)
      }
    }
  }

  @Test("A bucket counts until its end is a whole window ago, to the millisecond")
  func end() {
    var window = LeaseWindow()
    var request = LeaseRequest(subject: "s", limit: 1, windowMilliseconds: 1000, wanted: 1)
    #expect(window.grant(request, at: 500).granted == 1)
    let refused = window.grant(request, at: 600)
    #expect(refused.granted == 0 && refused.retryMilliseconds == 1150 && refused.resetMilliseconds == 1150)
    #expect(window.grant(request, at: 1749).retryMilliseconds == 1)
    request.wanted = 0
    #expect(window.grant(request, at: 1750).used == 0)
  }

  @Test("A clock that is moved back neither frees what was granted nor holds it for ever")
  func clock() {
    var window = LeaseWindow()
    let request = LeaseRequest(subject: "s", limit: 10, windowMilliseconds: 1000, wanted: 6)
    #expect(window.grant(request, at: 9_000_000).granted == 6)
    let back = window.grant(request, at: 5000)
    #expect(back.granted == 4 && back.used == 10)
    #expect(back.retryMilliseconds == 1250)
    #expect(window.grant(request, at: 6250).granted == 6)
  }
}
