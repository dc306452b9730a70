/// Random numbers that are the same in every run, so that what fails once fails again.
///
/// Source: SplitMix64, Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// One of them.
  mutating func pick<Choices: RandomAccessCollection>(_ choices: Choices) -> Choices.Element {
    choices[choices.index(choices.startIndex, offsetBy: Int.random(in: 0..<choices.count, using: &self))]
  }

  /// A scalar of any plane, ASCII and the ends of ranges more often than their share.
  mutating func scalar() -> Unicode.Scalar {
    let limits: [UInt32] = [0, 0x1F, 0x20, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]
    while true {
      let value =
        switch UInt8.random(in: 0..<8, using: &self) {
        case 0...3: UInt32.random(in: 0..<0x80, using: &self)
        case 4: UInt32.random(in: 0..<0x800, using: &self)
        case 5: UInt32.random(in: 0..<0x10000, using: &self)
        case 6: pick(limits)
        default: UInt32.random(in: 0..<0x110000, using: &self)
        }
      if let scalar = Unicode.Scalar(value) { return scalar }
    }
  }

  /// A text of at most `length` scalars.
  mutating func text(_ length: Int) -> String {
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...length, using: &self) { text.append(scalar()) }
    return String(text)
  }
}
