import Kernel

/// Whether an HMAC secret can be guessed. Whoever has one token can try secrets at billions a second, and whoever finds
/// it can be anybody.
///
/// The rule: at least 32 bytes, with 8 different characters or more, and at least 20 characters must be left when the
/// words and examples of manuals, repetitions and runs of neighbours (`abcd`, `4321`, `qwer`) are taken out. What
/// `openssl rand -hex 32` prints passes.
///
/// Source: RFC 7518, section 3.2 (a key as long as the hash); RFC 8725, section 3.5 (no human-memorable secrets).
enum SecretStrength {
  static let leastBytes = 32
  static let leastCharacters = 8
  static let leastRemainder = 20

  /// What is weak about a secret, without showing it; nil for one that cannot be guessed.
  static func weakness(of secret: Secret) -> String? {
    let text = secret.reveal()
    guard text.utf8.count >= leastBytes else { return "\(text.utf8.count) bytes (not shown)" }
    guard !text.contains("-----BEGIN") else { return "a key in PEM (not shown), which is for 'public_key'" }
    let plain = WellKnownSecrets.plain(text)
    guard
      !WellKnownSecrets.examples.contains(where: {
        plain.contains($0) || plain.count >= leastBytes && $0.contains(plain)
      })
    else {
      return "the example of a manual (not shown), which is in every attacker's list"
    }
    let variety = Set(text).count
    guard variety >= leastCharacters else { return "only \(variety) different characters (not shown)" }
    guard remainder(of: text.lowercased()) >= leastRemainder else {
      return "words, repetitions or runs that are easily guessed (not shown)"
    }
    return nil
  }

  /// How many characters are left of a text without what is easily guessed.
  static func remainder(of text: String) -> Int {
    var rest = unrepeated(Array(text))
    for word in WellKnownSecrets.words { rest = Array(String(rest).replacing(word, with: "")) }
    rest.removeAll { !$0.isLetter && !$0.isNumber }
    return unrepeated(withoutRuns(rest)).count
  }

  /// The piece that a text is made of, if it is one piece again and again, the last time perhaps in part.
  private static func unrepeated(_ text: [Character]) -> [Character] {
    guard text.count > 1 else { return text }
    let period = (1...text.count / 2).first { period in
      zip(text, text.dropFirst(period)).allSatisfy { $0 == $1 }
    }
    return period.map { Array(text.prefix($0)) } ?? text
  }

  /// The text with one character for each run of four or more equal ones or neighbours in the code table or on a
  /// keyboard.
  private static func withoutRuns(_ text: [Character]) -> [Character] {
    var kept: [Character] = []
    var position = 0
    while position < text.count {
      let length = [-1, 0, 1].map { runLength(of: text[position...], step: $0) }.max() ?? 1
      if length >= 4 {
        kept.append(text[position])
        position += length
      } else {
        kept.append(text[position])
        position += 1
      }
    }
    return kept
  }

  private static func runLength(of text: ArraySlice<Character>, step: Int) -> Int {
    1 + zip(text, text.dropFirst()).prefix { follows($1, $0, step) }.count
  }

  private static func follows(_ next: Character, _ previous: Character, _ step: Int) -> Bool {
    if let next = next.unicodeScalars.first?.value, let previous = previous.unicodeScalars.first?.value,
      Int(next) - Int(previous) == step
    {
      return true
    }
    guard let from = WellKnownSecrets.keyboard.firstIndex(of: previous),
      let to = WellKnownSecrets.keyboard.firstIndex(of: next)
    else { return false }
    return to - from == step
  }
}
