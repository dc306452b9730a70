import Testing

@testable import Store

@Suite("Process memory is bounded, and lets go of what ends soonest")
struct SharedMemoryEntriesRulesTests {
  private static func value(_ size: Int = 0) -> LocalEntries.Value { .bytes([UInt8](repeating: 1, count: size)) }

  @Test("What has ended is not seen, and is swept out a few at a time")
  func sweep() {
    var entries = LocalEntries(maxCount: 1000, maxBytes: 1 << 20)
    for number in 0..<100 { entries.put("\(number)", Self.value(), until: 100 + number, at: 0) }
    #expect(entries.find("0", at: 99)?.end == 100)
    #expect(entries.find("0", at: 100) == nil)
    #expect(entries.count == 100)
    entries.put("new", Self.value(), until: 1000, at: 150)
    #expect(entries.count == 100 - LocalEntries.sweptAtOnce + 1)
    for _ in 0..<10 { entries.sweep(at: 150) }
    #expect(entries.count == 50)
    #expect(entries.find("51", at: 150)?.end == 151)
  }

  @Test("One too many takes the place of the soonest to end")
  func count() {
    var entries = LocalEntries(maxCount: 3, maxBytes: 1 << 20)
    for (key, end) in [("a", 300), ("b", 100), ("c", 200)] { entries.put(key, Self.value(), until: end, at: 0) }
    entries.put("d", Self.value(), until: 50, at: 0)
    #expect(entries.find("b", at: 0) == nil)
    #expect(["a", "c", "d"].allSatisfy { entries.find($0, at: 0) != nil })
    entries.move("d", to: 400)
    entries.put("a", Self.value(), until: 250, at: 0)
    entries.put("e", Self.value(), until: 500, at: 0)
    #expect(entries.find("c", at: 0) == nil)
    #expect(entries.count == 3)
  }

  @Test("One too heavy takes the places of as many as it needs")
  func bytes() {
    var entries = LocalEntries(maxCount: 1000, maxBytes: 10_000)
    for number in 0..<10 { entries.put("\(number)", Self.value(800), until: 100 + number, at: 0) }
    #expect(entries.count == 10)
    entries.put("x", Self.value(2000), until: 1000, at: 0)
    #expect(entries.byteCount <= 10_000)
    #expect(entries.find("0", at: 0) == nil && entries.find("1", at: 0) == nil)
    #expect(entries.find("2", at: 0) != nil)
    #expect(!entries.hasRoom(for: "y", Self.value(10_000)))
  }

  @Test("Whatever is done, it holds what a plain table would hold")
  func oracle() {
    for _ in 0..<100 {
      var entries = LocalEntries(maxCount: 20, maxBytes: 1 << 20)
      var table: [String: (size: Int, end: Int)] = [:]
      var now = 0
      for _ in 0..<300 {
        now += .random(in: 0...3)
        let key = "\(Int.random(in: 0..<30))"
        let end = now + .random(in: 1...60)
        switch Int.random(in: 0..<10) {
        case 0..<6:
          let size = Int.random(in: 0...50)
          table = table.filter { $0.value.end > now }
          table[key] = nil
          // Ends are told apart, so that the soonest is the same one in both.
          guard !table.values.contains(where: { $0.end == end }) else {
            entries.remove(key)
            continue
          }
          let soonest = table.min { $0.value.end < $1.value.end }
          if table.count >= 20, let soonest { table[soonest.key] = nil }
          for _ in 0..<3 { entries.sweep(at: now) }
          entries.put(key, Self.value(size), until: end, at: now)
          table[key] = (size, end)
        case 6:
          entries.remove(key)
          table[key] = nil
        default:
          let found = entries.find(key, at: now)
          let expected = table[key].flatMap { $0.end > now ? $0 : nil }
          #expect(found?.end == expected?.end && found?.value.byteCount == expected?.size)
        }
        #expect(entries.count <= 20)
      }
      for key in (0..<30).map({ "\($0)" }) { entries.remove(key) }
      #expect(entries.count == 0 && entries.byteCount == 0)
    }
  }

  @Test("A flood of values evicts no counter, no lock and no window")
  func halves() throws {
    var store = LocalStore(
      values: LocalEntries(maxCount: 10, maxBytes: 1 << 20), decisions: LocalEntries(maxCount: 3, maxBytes: 1 << 20))
    let request = LeaseRequest(subject: "window", limit: 5, windowMilliseconds: 1000, wanted: 5)
    #expect(try store.increment("counter", by: 2, for: 10, at: 0) == 2)
    #expect(store.lock("lock", token: [1], for: 10, at: 0) == true)
    #expect(try store.lease(request, at: 0).granted == 5)
    for number in 0..<100 { try store.set("\(number)", [1], for: 1000, at: 0) }
    #expect(try store.increment("counter", by: 2, for: 10, at: 5) == 4)
    #expect(store.lock("lock", token: [2], for: 10, at: 5) == false)
    #expect(try store.lease(request, at: 5).granted == 0)
  }

  @Test("A key holds one thing, in whichever half it was")
  func oneThing() throws {
    var store = LocalStore()
    try store.set("a", Array("7".utf8), for: 100, at: 0)
    #expect(try store.increment("a", by: 1, for: 1000, at: 1) == 8)
    #expect(try store.get("a", at: 99) == Array("8".utf8))
    #expect(try store.get("a", at: 100) == nil)
    try store.set("a", [1], for: 100, at: 200)
    #expect(try store.get("a", at: 201) == [1])
    #expect(store.remove("a", at: 201) == true)
    #expect(store.remove("a", at: 201) == false)
    #expect(store.byteCount == 0)
  }

  @Test("What is larger than all of it is refused, and what was there stays")
  func tooLarge() throws {
    var store = LocalStore(
      values: LocalEntries(maxCount: 10, maxBytes: 1000), decisions: LocalEntries(maxCount: 10, maxBytes: 1000))
    try store.set("a", [1], for: 100, at: 0)
    #expect(throws: LocalStore.Fault.tooLarge) { try store.set("b", [UInt8](repeating: 1, count: 1000), for: 1, at: 0) }
    #expect(try store.get("a", at: 0) == [1])
  }

  @Test(
    "A lifetime is whole milliseconds, rounded up, at least one and at most a hundred years",
    arguments: [
      (Duration.zero, 1), (.seconds(-5), 1), (.nanoseconds(1), 1), (.microseconds(1001), 2), (.milliseconds(7), 7),
      (.seconds(60), 60_000), (.seconds(Int64.max), 100 * 366 * 86_400_000),
    ])
  func lifetimes(lifetime: Duration, milliseconds: Int) {
    #expect(lifetime.lifetimeMilliseconds == milliseconds)
  }
}
