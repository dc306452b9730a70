import Testing

@testable import Web

@Suite("Random digits are as many as are asked for, and never the same")
struct RandomDigitsRulesTests {
  @Test("Two lower-case hexadecimal digits for each byte, never all zero", arguments: 1...16)
  func digits(byteCount: Int) {
    for _ in 0..<1000 {
      let digits = RandomDigits.next(byteCount)
      #expect(digits.utf8.count == byteCount * 2)
      #expect(digits.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) })
      #expect(digits.contains { $0 != "0" })
    }
  }

  @Test("Every value of a byte comes, but for zero")
  func everyByte() {
    let seen = Set((0..<10_000).map { _ in RandomDigits.next(1) })
    #expect(seen.count == 255)
    #expect(!seen.contains("00"))
  }

  @Test("Ten thousand differ")
  func unique() {
    #expect(Set((0..<10_000).map { _ in RandomDigits.next(16) }).count == 10_000)
    // Of different lengths one after the other, so that they do not fall on the same places of what is fetched at once.
    let mixed = (0..<10_000).map { RandomDigits.next(8 + $0 % 9) }
    #expect(Set(mixed).count == 10_000)
  }

  @Test("Those of eight tasks at once differ, too")
  func concurrent() async {
    let all = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<10_000).map { _ in RandomDigits.next(16) } }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(all.count == 80_000)
    #expect(Set(all).count == 80_000)
  }
}
