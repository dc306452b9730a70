import NIOCore

extension ScriptedUpstream.Step {
  /// A text as it stands, line ends and all.
  package static func send(_ text: String) -> Self { .send(ByteBuffer(string: text)) }

  /// The head of a stream of events, in chunks.
  package static var streamHead: Self {
    .send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
  }

  /// A chunk of a stream: whole events, or a part of one.
  package static func chunk(_ text: String) -> Self {
    .send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
  }

  /// One event in a chunk of its own.
  package static func event(_ data: String) -> Self { chunk("data: \(data)\n\n") }

  /// The end of a body in chunks; the connection stays.
  package static var lastChunk: Self { .send("0\r\n\r\n") }
}

extension [ScriptedUpstream.Step] {
  /// A whole answer with a JSON body; the connection stays.
  package static func json(_ body: String, status: String = "200 OK", headers: [String] = []) -> Self {
    .whole(body, type: "application/json", status: status, headers: headers)
  }

  /// A whole answer of any type; the connection stays.
  package static func whole(
    _ body: String, type: String, status: String = "200 OK", headers: [String] = []
  ) -> Self {
    let lines = ["HTTP/1.1 \(status)", "content-type: \(type)", "content-length: \(body.utf8.count)"] + headers
    return [.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)]
  }

  /// A whole stream: one event for each text, then `[DONE]`.
  package static func stream(_ events: [String]) -> Self {
    [.streamHead] + events.map { .event($0) } + [.event("[DONE]"), .lastChunk]
  }
}
