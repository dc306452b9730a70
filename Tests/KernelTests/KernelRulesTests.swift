import Kernel
import Testing

@Suite("The words that every part speaks")
struct KernelRulesTests {
  static let sizes: [(Int, String)] = [
    (0, "0B"), (1, "1B"), (1000, "1000B"), (1023, "1023B"), (1024, "1KiB"), (1025, "1025B"), (1536, "1536B"),
    (10_240, "10KiB"), (1_048_576, "1MiB"), (1_049_600, "1025KiB"), (268_435_456, "256MiB"), (1_073_741_824, "1GiB"),
    (1_610_612_736, "1536MiB"), (1_099_511_627_776, "1024GiB"), (Int.max, "9223372036854775807B"), (-1024, "-1KiB"),
    (-1, "-1B"),
  ]

  @Test("A size is written in the largest unit that divides it", arguments: sizes)
  func byteCounts(bytes: Int, text: String) {
    #expect(ByteCount(bytes).description == text)
  }

  @Test("Sizes are powers of 1,024 and are compared by their bytes")
  func byteCountUnits() {
    #expect(ByteCount.kibibytes(3) == ByteCount(3072))
    #expect(ByteCount.mebibytes(32) == ByteCount(33_554_432))
    #expect(ByteCount.mebibytes(1) == .kibibytes(1024))
    #expect(ByteCount(1023) < .kibibytes(1))
    #expect(!(ByteCount.kibibytes(1) < ByteCount(1024)))
  }

  @Test("An admin may do all that a user may, and no role is above itself")
  func roles() {
    #expect(Role.allCases.sorted() == [.user, .admin])
    #expect(Role.user < .admin)
    #expect(Role.admin >= .user)
    for role in Role.allCases { #expect(!(role < role)) }
    #expect(Role.allCases.map(\.rawValue) == ["user", "admin"])
  }

  @Test("A failure of a field names the field, where it was made, and nothing for the log")
  func invalid() {
    let failure = Failure.invalid("messages[0].role", "expected a string, got 1", reason: "wrong_type")
    #expect(failure.code == .invalidRequest)
    #expect(failure.reason == "wrong_type")
    #expect(failure.message == "'messages[0].role': expected a string, got 1")
    #expect(failure.details == [Failure.Detail(field: "messages[0].role", problem: "expected a string, got 1")])
    #expect(failure.cause == nil)
    #expect(failure.retryAfter == nil)
    #expect(failure.origin.hasPrefix("KernelTests/KernelRulesTests.swift:"))
  }

  @Test("A reader keeps the value it took; the next one gets the new value")
  func live() {
    let live = Live(["a"])
    let taken = live.current
    live.replace(with: ["b"])
    #expect(taken == ["a"])
    #expect(live.current == ["b"])
  }

  @Test("Readers never see half of a value while it is replaced")
  func liveUnderLoad() async {
    struct Pair: Sendable { var left: [Int], right: [Int] }
    let live = Live(Pair(left: [0], right: [0]))
    let torn = await withTaskGroup(of: Int.self) { group in
      for writer in 1...2 {
        group.addTask {
          for value in 0..<2000 { live.replace(with: Pair(left: [writer, value], right: [writer, value])) }
          return 0
        }
        group.addTask {
          (0..<2000).count { _ in
            let pair = live.current
            return pair.left != pair.right
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(torn == 0)
    #expect(live.current.left.last == 1999)
  }
}
