/// Random messages, most of them right, some with damage where it hurts.
struct HTTPCorpus {
  private var random: SeededGenerator

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
  }

  private static let hidden = "GET /last HTTP/1.1\r\nhost: a\r\n\r\n"
  private static let targets = ["/", "/a/b?c=d", "*", "http://b.example/a?c", "/%00%zz", "/~!$&'()*+,;=:@"]

  /// Some requests on one connection, and one behind them that nothing is wrong with.
  mutating func requests() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<random.pick([1, 1, 1, 2, 3]) { bytes += message { $0.requestLine() + "host: a\r\n" } }
    damageSome(&bytes)
    return bytes + Array(Self.hidden.utf8)
  }

  /// Some answers on one connection, and one behind them that nothing is wrong with.
  mutating func answers() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<random.pick([1, 1, 1, 2, 3]) {
      if random.pick([true, false, false, false]) {
        bytes += Array("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n".utf8)
      }
      bytes += message { $0.statusLine() }
    }
    damageSome(&bytes)
    return bytes + Array("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast".utf8)
  }

  // MARK: First lines

  private mutating func requestLine() -> String {
    let version = random.pick(["1.1", "1.1", "1.1", "1.1", "1.0"])
    return "\(random.pick(["GET", "POST", "PUT", "DELETE", "HEAD"])) \(random.pick(Self.targets)) HTTP/\(version)\r\n"
  }

  private mutating func statusLine() -> String {
    let version = random.pick(["1.1", "1.1", "1.1", "1.1", "1.0"])
    let status = random.pick(["200 OK", "200 OK", "404 Not Found", "299 ", "500", "204 No Content", "304 X"])
    return "HTTP/\(version) \(status)\r\n"
  }

  // MARK: Lines and bodies

  private mutating func message(_ firstLine: (inout Self) -> String) -> [UInt8] {
    var text = firstLine(&self)
    for _ in 0..<random.pick([0, 1, 2, 4]) { text += line() + "\r\n" }
    let body = String(repeating: "x", count: random.pick([0, 1, 5, 20]))
    switch random.pick(["length", "length", "chunked", "chunked", "none", "odd"]) {
    case "length": text += "\(name("Content-Length")): \(body.utf8.count)\r\n\r\n" + body
    case "chunked":
      text += "\(name("Transfer-Encoding")): \(random.pick(["chunked", "Chunked"]))\r\n\r\n" + chunks(body)
    case "odd": text += oddFraming() + "\r\n\r\n" + body
    default: text += "\r\n"
    }
    return Array(text.utf8)
  }

  private mutating func name(_ name: String) -> String {
    random.pick([name, name.lowercased(), name.uppercased()])
  }

  private mutating func line() -> String {
    random.pick([
      "X: y", "accept:*/*", "x-blank: \t a  b \t", "x-empty:", "x-text: é€", "cookie: a=b; c=\"d\"",
      "X!#$%&'*+-.^_`|~: 1",
      "connection: keep-alive", "connection: close", "x-colon: a:b", "trailer: x", "expect: 100-continue",
    ])
  }

  private mutating func oddFraming() -> String {
    random.pick([
      "content-length: 3\r\ncontent-length: 3", "content-length: 3\r\ncontent-length: 4", "content-length: 1,2",
      "content-length: +1", "content-length: -1", "content-length: 1 1", "content-length: 0x1", "content-length:",
      "content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: gzip, chunked", "transfer-encoding: x",
      "transfer-encoding: chunked, chunked", "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
      "transfer-encoding : chunked", "transfer-encoding:\r\n chunked", "content-length: 0001",
      "transfer-encoding: chunked\r\ncontent-length: 5", "transfer-encoding: identity", "host: b",
    ])
  }

  private mutating func chunks(_ body: String) -> String {
    var text = ""
    var rest = Substring(body)
    while !rest.isEmpty {
      let piece = rest.prefix(random.pick([1, 3, 16]))
      rest = rest.dropFirst(piece.count)
      let size = String(piece.count, radix: 16, uppercase: Bool.random(using: &random))
      text += "\(random.pick(["", "", "0"]))\(size)\(random.pick(["", "", ";a=b", ";a"]))\r\n\(piece)\r\n"
    }
    return text + "0\r\n" + random.pick(["", "", "x: y\r\n", "x: y\r\nz:\r\n"]) + "\r\n"
  }

  // MARK: Damage

  private static let spites: [String] = [
    "\r", "\n", "\r\n", "\n\n", "\0", " ", "\t", ":", ";", ",", "0", "1", "5", "f", "-", "+", "x", "\u{7F}", "\u{1}",
    "é",
    "\r\n\r\n", "\r\n ",
  ]

  private mutating func damageSome(_ bytes: inout [UInt8]) {
    for _ in 0..<random.pick([0, 0, 1, 1, 1, 2, 3]) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch random.pick(["in", "in", "out", "over", "away"]) {
      case "in": bytes.insert(contentsOf: Array(random.pick(Self.spites).utf8), at: place)
      case "out": bytes.remove(at: place)
      case "over": bytes[place] = random.pick(Array(random.pick(Self.spites).utf8))
      // A line's end is where readers differ most.
      default:
        guard let end = bytes[place...].firstIndex(where: { $0 == 0x0D || $0 == 0x0A }) else { continue }
        bytes.remove(at: end)
      }
    }
  }
}
