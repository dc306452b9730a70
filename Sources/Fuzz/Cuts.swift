/// Lengths that look random and follow from the input alone, so that what fails once fails again.
struct Cuts {
  private var state: UInt64

  /// Source: Fowler, Noll, Vo: FNV-1a, 64 bits.
  init(of input: UnsafeRawBufferPointer) {
    state = input.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// From 1 to `longest`.
  mutating func next(upTo longest: Int) -> Int {
    // Source: Knuth, MMIX's linear congruential generator; its high bits are the good ones.
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return 1 + Int(state >> 33) % longest
  }
}
