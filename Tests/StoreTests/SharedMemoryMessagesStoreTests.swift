import Store
import Synchronization
import TestKit
import Testing

@Suite("Messages reach whoever subscribed, whatever the backend", .timeLimit(.minutes(2)))
struct SharedMemoryMessagesStoreTests {
  /// What one subscriber was told.
  final class Ear: Sendable {
    let events = Watched<[SharedEvent]>([])

    func hear(_ event: SharedEvent) {
      events.change { $0.append(event) }
    }

    func wait(for expected: [SharedEvent]) async throws {
      try await events.wait(for: "\(expected)") { $0 == expected ? () : nil }
    }
  }

  @Test("Every subscriber of the channel hears every message, in order", arguments: SharedBackend.allCases)
  func messages(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let (first, second, other) = (Ear(), Ear(), Ear())
      let subscriptions = [
        memory.subscribe(prefix + "a", first.hear), memory.subscribe(prefix + "a", second.hear),
        memory.subscribe(prefix + "b", other.hear),
      ]
      for ear in [first, second, other] { try await ear.wait(for: [.resumed]) }
      let messages = (0..<100 as Range<UInt8>).map { [$0, 13, 10, 0] }
      for message in messages { try await memory.publish(prefix + "a", message) }
      let expected = [SharedEvent.resumed] + messages.map { .message($0) }
      try await first.wait(for: expected)
      try await second.wait(for: expected)
      try await memory.publish(prefix + "b", [])
      try await other.wait(for: [.resumed, .message([])])
      subscriptions.forEach { $0.cancel() }
    }
  }

  @Test("A later subscriber of a channel is told when it is in place", arguments: SharedBackend.allCases)
  func late(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let (first, second) = (Ear(), Ear())
      let one = memory.subscribe(prefix + "a", first.hear)
      try await first.wait(for: [.resumed])
      let two = memory.subscribe(prefix + "a", second.hear)
      try await second.wait(for: [.resumed])
      try await memory.publish(prefix + "a", [1])
      try await first.wait(for: [.resumed, .message([1])])
      try await second.wait(for: [.resumed, .message([1])])
      one.cancel()
      two.cancel()
    }
  }

  @Test("Who cancelled or let go hears nothing more, and others do", arguments: SharedBackend.allCases)
  func cancel(backend: SharedBackend) async throws {
    try await backend.run { memory, prefix async throws in
      let (first, second, third) = (Ear(), Ear(), Ear())
      let one = memory.subscribe(prefix + "a", first.hear)
      var two: SharedSubscription? = memory.subscribe(prefix + "a", second.hear)
      let three = memory.subscribe(prefix + "a", third.hear)
      try await third.wait(for: [.resumed])
      withExtendedLifetime(two) {}
      one.cancel()
      one.cancel()
      two = nil
      try await memory.publish(prefix + "a", [1])
      try await third.wait(for: [.resumed, .message([1])])
      #expect(!first.events.value.contains(.message([1])))
      #expect(!second.events.value.contains(.message([1])))
      three.cancel()
      let fourth = Ear()
      let four = memory.subscribe(prefix + "a", fourth.hear)
      try await fourth.wait(for: [.resumed])
      try await memory.publish(prefix + "a", [2])
      try await fourth.wait(for: [.resumed, .message([2])])
      #expect(third.events.value == [.resumed, .message([1])])
      four.cancel()
    }
  }

  @Test("Two memories of one Redis hear each other")
  func shared() async throws {
    try await SharedBackend.redis.run { memory, prefix async throws in
      let ear = Ear()
      let subscription = memory.subscribe(prefix + "a", ear.hear)
      try await ear.wait(for: [.resumed])
      try await SharedBackend.redis.run { other, _ in try await other.publish(prefix + "a", [7]) }
      try await ear.wait(for: [.resumed, .message([7])])
      subscription.cancel()
    }
  }
}
