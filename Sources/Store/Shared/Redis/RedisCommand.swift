import Wire

/// One command as it goes over the wire: an array of texts.
///
/// Source: Redis serialization protocol specification, version 2, "Sending commands to a Redis server".
struct RedisCommand: Sendable {
  enum Word: ExpressibleByStringLiteral {
    case text(String)
    case bytes([UInt8])
    case number(Int)

    init(stringLiteral text: String) {
      self = .text(text)
    }
  }

  let bytes: [UInt8]

  init(_ words: Word...) {
    self.init(words)
  }

  init(_ words: [Word]) {
    var bytes: [UInt8] = []
    bytes.append("*")
    bytes.append(decimal: words.count)
    for word in words {
      switch word {
      case .text(let text): bytes.append(word: text.utf8)
      case .bytes(let value): bytes.append(word: value)
      case .number(let number): bytes.append(word: String(number).utf8)
      }
    }
    bytes.append("\r\n")
    self.bytes = bytes
  }
}

extension [UInt8] {
  fileprivate mutating func append(word: some Collection<UInt8>) {
    append("\r\n$")
    append(decimal: word.count)
    append("\r\n")
    append(contentsOf: word)
  }
}
