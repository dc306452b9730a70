import Foundation
import Kernel
import Store
import Testing

@Suite("Shared memory keeps values, counts and locks, whatever the backend", .timeLimit(.minutes(2)))
struct SharedMemoryStoreTests {
  @Test("What was set is there; what was not is not", arguments: SharedBackend.allCases)
  func values(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      #expect(try await memory.get(prefix + "a") == nil)
      #expect(try await memory.set(prefix + "a", [1, 2, 3], for: .seconds(60)))
      #expect(try await memory.get(prefix + "a") == [1, 2, 3])
      #expect(try await memory.set(prefix + "a", [], for: .seconds(60)))
      #expect(try await memory.get(prefix + "a") == [])
      #expect(try await memory.get(prefix + "b") == nil)
    }
  }

  @Test("Keys and values may hold anything", arguments: SharedBackend.allCases)
  func binary(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let every = (0...255).map(UInt8.init)
      for key in ["\r\n$3\r\n", "\0", "ключ 🐦", "a b\"'", ""] {
        try await memory.set(prefix + key, every, for: .seconds(60))
        #expect(try await memory.get(prefix + key) == every)
      }
      let large = [UInt8](repeating: 13, count: 5 << 20)
      try await memory.set(prefix + "large", large, for: .seconds(60))
      #expect(try await memory.get(prefix + "large") == large)
    }
  }

  @Test("A value ends with its lifetime", arguments: SharedBackend.allCases)
  func lifetime(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let start = ContinuousClock.now
      try await memory.set(prefix + "a", [1], for: .milliseconds(200))
      try await memory.set(prefix + "b", [2], for: .seconds(60))
      try await eventually("the value ends") {
        let isThere = try await memory.get(prefix + "a") != nil
        let age = ContinuousClock.now - start
        #expect(isThere || age >= .milliseconds(199))
        return !isThere
      }
      #expect(try await memory.get(prefix + "b") == [2])
      try await memory.set(prefix + "b", [3], for: .nanoseconds(1))
      try await eventually("a new lifetime holds, and is never none") { try await memory.get(prefix + "b") == nil }
    }
  }

  @Test("What is there is not set again, if it was to be set only if absent", arguments: SharedBackend.allCases)
  func absent(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<50 as Range<UInt8> {
          group.addTask { try await memory.set(prefix + "a", [number], for: .seconds(60), onlyIfAbsent: true) }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(winners == 1)
      #expect(try await memory.remove([prefix + "a"]) == 1)
      #expect(try await memory.set(prefix + "a", [99], for: .milliseconds(50), onlyIfAbsent: true))
      try await eventually("what has ended is absent") {
        try await memory.set(prefix + "a", [100], for: .seconds(60), onlyIfAbsent: true)
      }
      #expect(try await memory.get(prefix + "a") == [100])
    }
  }

  @Test("Keys are removed, and those that held something counted", arguments: SharedBackend.allCases)
  func removal(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      try await memory.set(prefix + "a", [1], for: .seconds(60))
      try await memory.increment(prefix + "b", by: 1, for: .seconds(60))
      #expect(try await memory.remove([prefix + "a", prefix + "b", prefix + "c"]) == 2)
      #expect(try await memory.remove([prefix + "a"]) == 0)
      #expect(try await memory.remove([]) == 0)
      #expect(try await memory.get(prefix + "b") == nil)
    }
  }

  // MARK: Counters

  @Test("200 tasks at once count every one", arguments: SharedBackend.allCases)
  func increments(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let sums = try await withThrowingTaskGroup(of: [Int].self) { group in
        for _ in 0..<200 {
          group.addTask {
            var sums: [Int] = []
            for _ in 0..<10 { sums.append(try await memory.increment(prefix + "n", by: 1, for: .seconds(60))) }
            return sums
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(sums.sorted() == Array(1...2000))
      #expect(try await memory.increment(prefix + "n", by: -2500, for: .seconds(60)) == -500)
      #expect(try await memory.get(prefix + "n") == Array("-500".utf8))
    }
  }

  @Test("A counter's lifetime begins with its first increment", arguments: SharedBackend.allCases)
  func counterLifetime(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let start = ContinuousClock.now
      var last = try await memory.increment(prefix + "n", by: 1, for: .milliseconds(200))
      try await eventually("the counter starts anew") {
        let next = try await memory.increment(prefix + "n", by: 1, for: .milliseconds(200))
        defer { last = next }
        #expect(next == last + 1 || next == 1)
        return next == 1
      }
      #expect(ContinuousClock.now - start >= .milliseconds(199))
    }
  }

  @Test(
    "A value that is no number is not counted on, nor one that would be too large", arguments: SharedBackend.allCases)
  func noNumber(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      for value in ["", "x", "1x", " 1", "+1", "01", "9223372036854775807", "9223372036854775808"] {
        try await memory.set(prefix + "a", Array(value.utf8), for: .seconds(60))
        await #expect(throws: Failure.self, "\(value)") {
          try await memory.increment(prefix + "a", by: 1, for: .seconds(60))
        }
        #expect(try await memory.get(prefix + "a") == Array(value.utf8))
      }
      try await memory.set(prefix + "a", Array("-7".utf8), for: .seconds(60))
      #expect(try await memory.increment(prefix + "a", by: 1, for: .seconds(60)) == -6)
    }
  }

  // MARK: Locks

  @Test("One of many gets a lock, and the next when it is released", arguments: SharedBackend.allCases)
  func lock(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let locks = try await withThrowingTaskGroup(of: SharedLock?.self) { group in
        for _ in 0..<50 { group.addTask { try await memory.lock(prefix + "l", for: .seconds(60)) } }
        return try await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
      }
      let first = try #require(locks.count == 1 ? locks.first : nil)
      #expect(try await memory.lock(prefix + "l", for: .seconds(60)) == nil)
      #expect(try await first.release())
      #expect(try await first.release() == false)
      let second = try #require(try await memory.lock(prefix + "l", for: .seconds(60)))
      #expect(try await first.release() == false)
      #expect(try await first.extend(for: .seconds(60)) == false)
      #expect(try await memory.lock(prefix + "l", for: .seconds(60)) == nil)
      #expect(try await second.release())
    }
  }

  @Test("A lock ends by itself, unless it is extended", arguments: SharedBackend.allCases)
  func lockLifetime(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let first = try #require(try await memory.lock(prefix + "l", for: .seconds(20)))
      let start = ContinuousClock.now
      #expect(try await first.extend(for: .milliseconds(150)))
      var second: SharedLock?
      try await eventually("the lock ends") {
        second = try await memory.lock(prefix + "l", for: .milliseconds(50))
        return second != nil
      }
      #expect(ContinuousClock.now - start >= .milliseconds(149))
      #expect(try await first.extend(for: .seconds(60)) == false)
      #expect(try await first.release() == false)
    }
  }

  // MARK: What is told about it

  @Test("It says what it is, and counts what it does", arguments: SharedBackend.allCases)
  func status(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      #expect(memory.status == ("shared:\(backend.rawValue)", true, nil))
      #expect(memory.isShared == (backend == .redis))
      let before = memory.figures.commands.with("ok").value
      for _ in 0..<10 { _ = try await memory.get(prefix + "a") }
      #expect(memory.figures.commands.with("ok").value == before + 10)
      #expect(memory.figures.seconds.with().snapshot.counts.reduce(0, +) == before + 10)
      #expect(memory.figures.connections.value == (backend == .redis ? 2 : 0))
      #expect(memory.figures.commands.with("failed").value == 0)
    }
  }
}
