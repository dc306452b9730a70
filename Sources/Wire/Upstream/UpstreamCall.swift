package import NIOCore
package import NIOHTTP1

/// A request to an upstream: a head without `Host`, `Content-Length` and `Connection`, and a whole body.
package struct UpstreamRequest {
  /// The method.
  package var method: HTTPMethod
  /// The path and the query.
  package var path: String
  /// The header lines, without those that the connection adds.
  package var lines: HeaderLines
  /// The body, in pieces that are sent one after the other, so that a large one need not be copied.
  package var body: [ByteBuffer]

  /// Makes a request.
  package init(method: HTTPMethod, path: String, lines: HeaderLines, body: [ByteBuffer]) {
    self.method = method
    self.path = path
    self.lines = lines
    self.body = body
  }

  /// The length of the body.
  var bodyBytes: Int { body.reduce(0) { $0 + $1.readableBytes } }

  /// The head as it goes over the wire (RFC 9112, section 3).
  func head(authority: String) -> [UInt8] {
    var head: [UInt8] = []
    head.reserveCapacity(256 + path.utf8.count + lines.bytes.count)
    head.append(text: method.rawValue)
    head.append(" ")
    head.append(text: path)
    head.append(" HTTP/1.1\r\nhost: ")
    head.append(text: authority)
    head.append("\r\ncontent-length: ")
    head.append(decimal: bodyBytes)
    head.append("\r\n")
    head += lines.bytes
    head.append("\r\n")
    return head
  }
}

/// Who takes an upstream's answer, piece by piece, on the event loop that both share.
///
/// After `upstreamEnd` or `upstreamFailed` nothing more comes.
package protocol UpstreamReceiver: AnyObject {
  /// Bytes of the answer are here, and are read now; after `upstreamPaused`, or the end, none are.
  func upstreamArrived()
  /// The answer's head came.
  func upstreamHead(_ head: ResponseHead)
  /// A piece of its body came.
  func upstreamBody(_ piece: ByteBuffer)
  /// All that was read at once has been handed over: the moment to flush. Returns whether to read on;
  /// after false, `UpstreamCall.readMore()` does.
  func upstreamPaused() -> Bool
  /// The answer is whole.
  func upstreamEnd()
  /// There will be no (whole) answer.
  func upstreamFailed(_ fault: UpstreamFault)
}

/// One request in flight: a handle to cancel it and to ask for more.
package final class UpstreamCall {
  private(set) var request: UpstreamRequest
  private(set) var receiver: (any UpstreamReceiver)?
  weak var connection: UpstreamConnection?
  var waitTimer: Scheduled<Void>?

  init(_ request: UpstreamRequest, for receiver: any UpstreamReceiver) {
    self.request = request
    self.receiver = receiver
  }

  var isCancelled: Bool { receiver == nil }

  /// Reads on after `upstreamPaused` returned false.
  package func readMore() {
    connection?.read()
  }

  /// Nobody wants the answer any more: its connection is closed, so that the upstream stops working at once.
  package func cancel() {
    detach()
    connection?.cancel()
  }

  func fail(_ fault: UpstreamFault) {
    let receiver = detach()
    receiver?.upstreamFailed(fault)
  }

  /// What was sent is not needed again: the answer may take minutes, and the body megabytes.
  func dropBody() {
    request.body = []
  }

  @discardableResult
  func detach() -> (any UpstreamReceiver)? {
    defer { receiver = nil }
    waitTimer?.cancel()
    dropBody()
    return receiver
  }
}
