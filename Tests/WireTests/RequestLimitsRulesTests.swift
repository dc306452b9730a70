import NIOCore
import Testing
import Wire

@Suite("What a request may be at most, and what it costs")
struct RequestLimitsRulesTests {
  private static let start = "GET / HTTP/1.1\r\nhost: a\r\n"

  /// A head of so many bytes, in lines that are not too long.
  private static func head(_ count: Int) -> String {
    var text = start
    let rest = count - start.utf8.count - 2
    for length in [rest / 3, rest / 3, rest - rest / 3 * 2] {
      text += "x: " + String(repeating: "a", count: length - 5) + "\r\n"
    }
    return text + "\r\n"
  }

  private static func line(_ count: Int) -> String {
    start + "x:" + String(repeating: "a", count: count - 2) + "\r\n\r\n"
  }

  private static func lines(_ count: Int) -> String {
    start + (1..<count).map { "x-\($0): y\r\n" }.joined() + "\r\n"
  }

  @Test(
    "Heads at their limits pass, one more does not, whole and in pieces",
    arguments: [
      ("64 KiB", head(64 << 10), head((64 << 10) + 1)), ("a line of 32 KiB", line(32 << 10), line((32 << 10) + 1)),
      ("200 lines", lines(200), lines(201)),
    ], [1, 1000, 1 << 20])
  func heads(_ limit: (name: String, most: String, more: String), size: Int) {
    #expect(HTTPTranscript.requests(pieces(of: limit.most, size)).isWhole)
    let more = HTTPTranscript.requests(pieces(of: limit.more, size))
    #expect(more.refusal == .headTooLarge)
    #expect(more.messages.isEmpty)
  }

  @Test("A head without end is given up at 64 KiB, and not before", arguments: ["a", "x: y\r\n"])
  func endless(unit: String) {
    let text = String((Self.start + String(repeating: unit, count: 70_000)).prefix(1 << 20))
    let bytes = Array(text.utf8.prefix((64 << 10) - 1))
    #expect(HTTPTranscript.requests([bytes]).refusal == nil)
    #expect(HTTPTranscript.requests([bytes, [UInt8(ascii: "x")]]).refusal == .headTooLarge)
  }

  private static let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

  @Test("A line of a chunk's size has at most 256 bytes", arguments: [1, 100, 1000])
  func sizeLine(size: Int) {
    let most = Self.chunked + "1;" + String(repeating: "a", count: 252) + "\r\nx\r\n0\r\n\r\n"
    #expect(HTTPTranscript.requests(pieces(of: most, size)).isWhole)
    let more = Self.chunked + "1;" + String(repeating: "a", count: 253) + "\r\nx\r\n0\r\n\r\n"
    #expect(HTTPTranscript.requests(pieces(of: more, size)).refusal != nil)
  }

  @Test("Trailers have at most 8 KiB, in one line or in many", arguments: [1, 1000, 1 << 20])
  func trailers(size: Int) {
    for lines in [1, 9] {
      let rest = String(repeating: "a", count: ((8 << 10) - 2) / lines - 4)
      let trailers = { (name: String) in String(repeating: "\(name):\(rest)\r\n", count: lines) + "\r\n" }
      let most = HTTPTranscript.requests(pieces(of: Self.chunked + "0\r\n" + trailers("x"), size))
      #expect(most.isWhole, "\(lines) lines")
      let more = HTTPTranscript.requests(pieces(of: Self.chunked + "0\r\n" + trailers("xy"), size))
      #expect(more.refusal == .headTooLarge, "\(lines) lines")
    }
  }

  @Test("A large body keeps no more memory than its pieces, even when none of them ends where a part does")
  func memory() throws {
    var reader = RequestReader()
    reader.feed(ByteBuffer(string: Self.chunked + "3e8"))
    let chunk = ByteBuffer(string: "\r\n" + String(repeating: "x", count: 1000) + "\r\n3e8")
    var largest = 0
    var count = 0
    for _ in 0..<5000 {
      reader.feed(chunk)
      while let part = try reader.next() {
        guard case .body(let piece) = part else { continue }
        largest = max(largest, piece.storageCapacity)
        count += piece.readableBytes
      }
    }
    #expect(count == 5_000_000)
    #expect(largest <= 64 << 10, "\(largest) bytes are kept for pieces of 1,007")
  }

  @Test("Many requests on one connection keep no more memory than one, even when no piece ends with one")
  func memoryOfRequests() throws {
    var reader = RequestReader()
    let body = String(repeating: "x", count: 1000)
    reader.feed(ByteBuffer(string: "POST / HT"))
    let rest = ByteBuffer(string: "TP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n\(body)POST / HT")
    var largest = 0
    for _ in 0..<5000 {
      reader.feed(rest)
      while let part = try reader.next() {
        if case .body(let piece) = part { largest = max(largest, piece.storageCapacity) }
      }
      #expect(reader.pendingBytes == 9)
    }
    #expect(largest > 0 && largest <= 64 << 10, "\(largest) bytes are kept for requests of 1,050")
  }

  private func pieces(of text: String, _ size: Int) -> [[UInt8]] {
    let bytes = [UInt8](text)
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
  }
}
