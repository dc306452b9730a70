import Foundation
import Kernel
import Store
import Synchronization
import Testing

@Suite("Leases are never more than the limit in a window, whatever the backend", .timeLimit(.minutes(2)))
struct SharedMemoryLeaseStoreTests {
  private struct Grant {
    var asked: ContinuousClock.Instant
    var answered: ContinuousClock.Instant
    var count: Int
  }

  @Test("Many who ask at once never get more than the limit in any window", arguments: SharedBackend.allCases)
  func limit(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let (limit, window) = (20, 500)
      let end = ContinuousClock.now + .milliseconds(2500)
      let grants = try await withThrowingTaskGroup(of: [Grant].self) { group in
        for number in 0..<20 {
          group.addTask {
            let request = LeaseRequest(
              subject: prefix + "s", limit: limit, windowMilliseconds: window, wanted: number % 4 + 1)
            var grants: [Grant] = []
            while ContinuousClock.now < end {
              let asked = ContinuousClock.now
              let lease = try await memory.lease(request)
              #expect((0...request.wanted).contains(lease.granted) && lease.used <= limit)
              grants.append(Grant(asked: asked, answered: .now, count: lease.granted))
              try await moment()
            }
            return grants
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }.filter { $0.count > 0 }
      for first in grants {
        // Those that were granted within one window for certain, whenever between question and answer.
        let last = first.asked + .milliseconds(window)
        let granted = grants.filter { $0.asked >= first.asked && $0.answered < last }.reduce(0) { $0 + $1.count }
        #expect(granted <= limit)
      }
      let total = grants.reduce(0) { $0 + $1.count }
      // A bucket leaves at most 250 ms late, so that at least three windows' worth has passed in 2.5 s.
      #expect(total >= 3 * limit && total <= 6 * limit, "\(total)")
    }
  }

  @Test("What is given back can be granted again; nothing else can", arguments: SharedBackend.allCases)
  func giveBack(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      var request = LeaseRequest(subject: prefix + "s", limit: 10, windowMilliseconds: 60_000, wanted: 10)
      let first = try await memory.lease(request)
      #expect(first.granted == 10 && first.used == 10 && first.retryMilliseconds == 0)
      #expect(try await memory.lease(request).granted == 0)
      request.returned = [
        LeaseCount(bucket: first.bucket, count: 3), LeaseCount(bucket: first.bucket - 1, count: 5),
        LeaseCount(bucket: first.bucket + 9, count: 5), LeaseCount(bucket: first.bucket, count: -4),
      ]
      let second = try await memory.lease(request)
      #expect(second.granted == 3 && second.used == 10)
      request.wanted = 0
      request.returned = [LeaseCount(bucket: first.bucket, count: 1000)]
      let third = try await memory.lease(request)
      #expect(third.used == (second.bucket == first.bucket ? 0 : 3) && third.granted == 0)
    }
  }

  @Test("It says when to ask again, and when all is free", arguments: SharedBackend.allCases)
  func times(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let window = 700
      var request = LeaseRequest(subject: prefix + "s", limit: 3, windowMilliseconds: window, wanted: 0)
      let untouched = try await memory.lease(request)
      #expect(untouched.used == 0 && untouched.retryMilliseconds == 0 && untouched.resetMilliseconds == 0)
      request.wanted = 3
      let start = ContinuousClock.now
      #expect(try await memory.lease(request).granted == 3)
      let refused = try await memory.lease(request)
      #expect(refused.granted == 0)
      #expect((1...window + 250).contains(refused.retryMilliseconds))
      #expect(refused.retryMilliseconds == refused.resetMilliseconds)
      try await eventually("there is room again") {
        let lease = try await memory.lease(request)
        #expect(lease.granted == 0 || lease.granted == 3)
        return lease.granted == 3
      }
      #expect(ContinuousClock.now - start >= .milliseconds(window - 1))
    }
  }

  @Test("A limit of nothing grants nothing, and says so", arguments: SharedBackend.allCases)
  func nothing(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      for limit in [0, -5] {
        let lease = try await memory.lease(
          LeaseRequest(subject: prefix + "s", limit: limit, windowMilliseconds: 1000, wanted: 1))
        #expect(lease.granted == 0 && lease.used == 0)
        #expect(lease.retryMilliseconds == 1000 && lease.resetMilliseconds == 0)
      }
    }
  }

  @Test("A lowered limit holds at once, and a raised one too", arguments: SharedBackend.allCases)
  func changedLimit(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      var request = LeaseRequest(subject: prefix + "s", limit: 10, windowMilliseconds: 60_000, wanted: 6)
      #expect(try await memory.lease(request).granted == 6)
      request.limit = 4
      #expect(try await memory.lease(request).granted == 0)
      request.limit = 8
      #expect(try await memory.lease(request).granted == 2)
    }
  }

  @Test("A subject that is a value already is refused, and stays", arguments: SharedBackend.allCases)
  func otherKind(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      try await memory.set(prefix + "s", [1], for: .seconds(60))
      let request = LeaseRequest(subject: prefix + "s", limit: 10, windowMilliseconds: 1000, wanted: 1)
      await #expect(throws: Failure.self) { try await memory.lease(request) }
      #expect(try await memory.get(prefix + "s") == [1])
      try await memory.remove([prefix + "s"])
      #expect(try await memory.lease(request).granted == 1)
      await #expect(throws: Failure.self) { try await memory.get(prefix + "s") }
      try await memory.set(prefix + "s", [2], for: .seconds(60))
      #expect(try await memory.get(prefix + "s") == [2])
    }
  }
}
