import Foundation
import Testing
import Wire

/// Foundation's reader is the independent referee: for thousands of texts, right and wrong, both say the same.
///
/// Where the two may differ, RFC 8259 decides, and the table in `differences` says how.
@Suite("Foundation agrees about what is JSON")
struct JSONRefereeRulesTests {
  @Test("Every text comes back from encoding and decoding, in both directions", arguments: 0..<8)
  func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<1500 {
      let text = random.text(40)
      let encoded = JSONString.encode(text)
      #expect(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
      #expect(try scalars(JSONText.string([UInt8](encoded))) == scalars(text))
      #expect(try scalars(foundationString(Data(encoded.utf8))) == scalars(text))
      let written = try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed)
      #expect(try scalars(JSONText.string([UInt8](written))) == scalars(text))
    }
  }

  @Test("Every scalar comes back, alone and escaped")
  func everyScalar() throws {
    for first in stride(from: UInt32(0), to: 0x110000, by: 256) {
      let block = (first..<(first + 256)).compactMap(Unicode.Scalar.init)
      let text = String(String.UnicodeScalarView(block))
      #expect(try scalars(JSONText.string([UInt8](JSONString.encode(text)))) == block, "from U+\(first)")
      // Past the first plane every pair of units is made in the same way: one in 16 stands for the others.
      let some = first < 0x10000 ? block : block.filter { $0.value % 16 == first / 256 % 16 }
      #expect(try scalars(JSONText.string([UInt8](escaped(some)))) == some, "from U+\(first)")
    }
  }

  @Test("Written and damaged texts are accepted by both or refused by both", arguments: 0..<8)
  func damaged(seed: UInt64) {
    var random = SeededGenerator(seed: 1000 + seed)
    var accepted = 0
    for _ in 0..<1000 {
      var text: [UInt8] = []
      write(depth: 0, into: &text, &random)
      for _ in 0..<random.pick([0, 1, 1, 1, 2, 3]) { damage(&text, &random) }
      let ours = JSONText.isAccepted(text)
      if ours { accepted += 1 }
      guard ours != isAcceptedByFoundation(text), !isDisputed(text) else { continue }
      Issue.record("ours says \(ours): \(String(decoding: text, as: UTF8.self).debugDescription)")
    }
    #expect(accepted > 200 && accepted < 800, "\(accepted) of 1,000: both kinds must be there")
  }

  /// Texts that the two judge differently, with the verdict of RFC 8259.
  static let differences: [(text: [UInt8], isJSON: Bool)] = [
    // Foundation makes values, and these have none; the grammar allows them (sections 6 and 8.2).
    ([UInt8](#""\ud800""#), true), ([UInt8](#"{"\udc00":1}"#), true), ([UInt8]("1e400"), true),
    ([UInt8]("[-9e999]"), true),
    // Foundation guesses other encodings, and passes over a byte order mark; exchanged texts are UTF-8 (section 8.1).
    ([0x31, 0x00], false), ([0x00, 0x31], false), ([0xFF, 0xFE, 0x31, 0x00], false), ([UInt8]("\u{FEFF}1"), false),
    // Foundation lets a comma follow the last element and the last member.
    ([UInt8]("[1,]"), false), ([UInt8]("{\"a\":1,}"), false),
    // Foundation goes down 512 levels; section 9 lets every parser set its own limit.
    ([UInt8](String(repeating: "[", count: 257) + String(repeating: "]", count: 257)), false),
  ]

  @Test("Where the two differ, ours is what RFC 8259 says", arguments: differences)
  func differs(text: [UInt8], isJSON: Bool) {
    #expect(JSONText.isAccepted(text) == isJSON)
    #expect(isAcceptedByFoundation(text) != isJSON, "Foundation has come to agree: take the row out")
  }

  // MARK: The referee

  /// Whether Foundation goes by other rules than RFC 8259 for a text like this: those in `differences`.
  private func isDisputed(_ text: [UInt8]) -> Bool {
    let words = String(decoding: text, as: UTF8.self).replacing(#"\\"#, with: "")
    let withoutPairs = words.replacing(/\\u[dD][89abAB][[:xdigit:]]{2}\\u[dD][c-fC-F][[:xdigit:]]{2}/, with: "")
    return text.prefix(4).contains(0) || withoutPairs.contains(/\\u[dD][89a-fA-F]/)
      || words.contains(/[eE]\+?0*[1-9][0-9]{2}/) || words.contains(/,\s*[\]}]/)
  }

  private func isAcceptedByFoundation(_ text: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
  }

  private func foundationString(_ text: Data) throws -> String {
    try #require(try JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed) as? String)
  }

  private func scalars(_ text: String) -> [Unicode.Scalar] {
    Array(text.unicodeScalars)
  }

  // MARK: Texts

  private func escaped(_ scalars: [Unicode.Scalar]) -> String {
    let units = String(String.UnicodeScalarView(scalars)).utf16.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return "\"\(units.joined())\""
  }

  private func write(depth: Int, into text: inout [UInt8], _ random: inout SeededGenerator) {
    let numbers = ["0", "-0", "1", "-12.5", "3e2", "1E-2", "0.25e+1", "9007199254740993", "100"]
    let strings = [#""""#, #""a""#, #""\n\u00e9""#, #""\ud83d\ude00""#, #""a longer text without escapes""#, #""é€😀""#]
    switch Int.random(in: 0..<(depth < 4 ? 9 : 5), using: &random) {
    case 0: text += [UInt8](random.pick(["true", "false", "null"]))
    case 1, 2: text += [UInt8](random.pick(numbers))
    case 3: text += [UInt8](random.pick(strings))
    case 4: text += [UInt8](JSONString.encode(random.text(12)))
    case 5, 6: list("[", "]", depth, into: &text, &random) { _, _ in }
    default:
      list("{", "}", depth, into: &text, &random) { text, random in
        text += [UInt8](random.pick(strings) + random.pick([":", " : "]))
      }
    }
  }

  private func list(
    _ open: String, _ close: String, _ depth: Int, into text: inout [UInt8], _ random: inout SeededGenerator,
    _ key: (inout [UInt8], inout SeededGenerator) -> Void
  ) {
    text += [UInt8](open)
    for position in 0..<Int.random(in: 0...4, using: &random) {
      if position > 0 { text += [UInt8](random.pick([",", ", ", "\n,\t"])) }
      key(&text, &random)
      write(depth: depth + 1, into: &text, &random)
    }
    text += [UInt8](close)
  }

  private func damage(_ text: inout [UInt8], _ random: inout SeededGenerator) {
    let tokens = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "1", "-", "+", ".", "e", "E", "true", "nul", "\\u", "\\ud83d",
      "\\x", " ", "\t", "\n", "/", "é", "\u{0}", "\u{1F}", "\u{7F}", "\u{A0}",
    ]
    let place = Int.random(in: 0...text.count, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0 where place < text.count: text.remove(at: place)
    case 1 where place < text.count: text[place] = UInt8.random(in: 0...255, using: &random)
    case 2: text = Array(text[..<place])
    default: text.insert(contentsOf: [UInt8](random.pick(tokens)), at: place)
    }
  }
}
