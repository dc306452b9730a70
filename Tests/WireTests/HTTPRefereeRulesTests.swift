import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing
import Wire

/// SwiftNIO's reader is the independent referee: what ours reads, NIO reads alike. Ours may refuse more, not less.
@Suite("SwiftNIO agrees about every message that is read whole")
struct HTTPRefereeRulesTests {
  @Test("Requests", arguments: 0..<8)
  func requests(seed: UInt64) throws {
    var corpus = HTTPCorpus(seed: seed)
    var counts = Counts()
    for _ in 0..<1000 {
      let bytes = corpus.requests()
      let ours = whole(HTTPTranscript.requests([bytes]))
      let theirs = Referee.requests(bytes)
      counts.add(ours, theirs, isRefused: HTTPTranscript.requests([bytes]).refusal != nil)
      compare(ours, theirs, bytes)
    }
    counts.check()
  }

  @Test("Answers", arguments: 0..<8)
  func answers(seed: UInt64) throws {
    var corpus = HTTPCorpus(seed: 1000 + seed)
    var counts = Counts()
    for _ in 0..<1000 {
      let bytes = corpus.answers()
      let ours = whole(HTTPTranscript.answers([bytes]))
      let theirs = try Referee.answers(bytes)
      counts.add(ours, theirs, isRefused: HTTPTranscript.answers([bytes]).refusal != nil)
      compare(ours, theirs, bytes)
    }
    counts.check()
  }

  // MARK: Comparing

  /// Both kinds must be there, or nothing is compared.
  private struct Counts {
    var read = 0
    var refused = 0
    var refusedByUsAlone = 0

    mutating func add(_ ours: [HTTPTranscript.Message], _ theirs: [HTTPTranscript.Message], isRefused: Bool) {
      if !ours.isEmpty { read += 1 }
      if isRefused { refused += 1 }
      if isRefused, theirs.count > ours.count { refusedByUsAlone += 1 }
    }

    func check() {
      #expect(read > 250, "\(self)")
      #expect(refused > 250, "\(self)")
      #expect(refusedByUsAlone > 10, "\(self)")
    }
  }

  /// Records what ours read and NIO did not, or read otherwise.
  private func compare(_ ours: [HTTPTranscript.Message], _ theirs: [HTTPTranscript.Message], _ bytes: [UInt8]) {
    let isAlike = zip(ours, theirs).allSatisfy { our, their in
      our.start == their.start && our.lines == their.lines && our.body == their.body
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if isAlike, ours.count <= theirs.count || isLaxOnPurpose(ours[theirs.count], of: text) { return }
    Issue.record("\(text.debugDescription)\n\(ours)\n\(theirs)")
  }

  /// The messages that are whole, up to the first that ends its connection: nobody reads on behind that.
  private func whole(_ transcript: HTTPTranscript) -> [HTTPTranscript.Message] {
    var messages = transcript.messages
    if transcript.endsAtClose { messages[messages.count - 1].isWhole = true }
    messages = messages.filter(\.isWhole)
    if let last = messages.firstIndex(where: { !$0.keepsAlive }) { messages = Array(messages[...last]) }
    return messages
  }

  /// Where ours lets more pass, since all readers see the same end of such a message.
  ///
  /// Methods that NIO does not know, and targets that are no path: no route has either. Extensions of chunks, which
  /// nobody reads. A tab behind a length, which RFC 9110, section 5.5, allows. 1xx in HTTP/1.0, NIO's last answer.
  private func isLaxOnPurpose(_ message: HTTPTranscript.Message, of text: String) -> Bool {
    let words = message.start.split(separator: " ")
    if words.count == 3, case .RAW = HTTPMethod(rawValue: String(words[0])) { return true }
    if words.count == 3, !words[1].hasPrefix("/") { return true }
    if text.contains(/(?i)content-length: ?[0-9]+\t/) || text.contains("HTTP/1.0 1") { return true }
    return text.matches(of: /\r\n[0-9A-Fa-f]+([ \t]*;[^\r\n]*)\r\n/).contains { ![";a=b", ";a"].contains($0.1) }
      && message.lines.contains { $0.lowercased() == "transfer-encoding: chunked" }
  }
}

/// What SwiftNIO's decoders make of a connection's bytes: the messages that were whole.
private final class Referee<Part: Equatable & Sendable>: ChannelInboundHandler {
  typealias InboundIn = HTTPPart<Part, ByteBuffer>

  private var open: HTTPTranscript.Message?
  private var whole: [HTTPTranscript.Message] = []
  private let start: (Part) -> (String, HTTPHeaders)

  private init(start: @escaping (Part) -> (String, HTTPHeaders)) {
    self.start = start
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let (start, headers) = start(head)
      open = HTTPTranscript.Message(
        start: start, lines: headers.map { "\($0.name): \(Self.trimmed($0.value))" }, keepsAlive: true, isWhole: true)
    case .body(let piece): open?.body += Array(buffer: piece)
    case .end:
      if let open { whole.append(open) }
      open = nil
    }
  }

  /// NIO leaves blanks behind a value when the last of them is a tab; RFC 9110, section 5.5, takes them off.
  private static func trimmed(_ value: String) -> String {
    String(Substring(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed()))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What was whole before it stands; nothing comes after it.
  }

  private func read(_ bytes: [UInt8], on channel: EmbeddedChannel) -> [HTTPTranscript.Message] {
    channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes))
    channel.pipeline.fireChannelInactive()
    return whole
  }
}

extension Referee where Part == HTTPRequestHead {
  static func requests(_ bytes: [UInt8]) -> [HTTPTranscript.Message] {
    let referee = Referee { ("\($0.method.rawValue) \($0.uri) \($0.version.major).\($0.version.minor)", $0.headers) }
    let channel = EmbeddedChannel(handlers: [
      ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)), referee,
    ])
    return referee.read(bytes, on: channel)
  }
}

extension Referee where Part == HTTPResponseHead {
  static func answers(_ bytes: [UInt8]) throws -> [HTTPTranscript.Message] {
    let referee = Referee { ("\($0.status.code)", $0.headers) }
    let channel = EmbeddedChannel(handlers: [
      ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), referee,
    ])
    // It reads no answer to what was not asked.
    for _ in 0..<8 {
      let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
    }
    return referee.read(bytes, on: channel)
  }
}
