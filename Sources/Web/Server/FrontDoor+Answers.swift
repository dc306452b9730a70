package import Kernel
package import NIOCore
import NIOHTTP1
package import Wire

/// How answers begin and go on; how they end is told where the next request begins.
extension FrontDoor {
  /// Answers with a failure, in the shape of the route, and remembers it for the log.
  ///
  /// An answer that has begun cannot become another: its connection is closed instead.
  package func refuse(_ failure: Failure) {
    record.failure = failure
    if hasResponseHead { return close() }
    if phase == .receiving { leaveWay() }
    let (lines, body) = admission.answer(to: failure, record)
    respond(failure.code.status, lines, body)
  }

  /// Sends a whole answer from the door itself.
  func respond(_ status: Int, _ lines: HeaderLines, _ body: ByteBuffer?) {
    writeHead(status, lines, length: body?.readableBytes)
    if let body { writeBody(body) }
    writeEnd()
  }

  /// Begins an answer; `length` is that of the body, nil where only its end tells.
  ///
  /// The door adds what every answer carries; `lines` hold none of it.
  package func writeHead(_ status: Int, _ lines: consuming HeaderLines, length: Int?) {
    guard phase == .receiving || phase == .responding, !hasResponseHead else { return }
    hasResponseHead = true
    record.status = status
    let isBodiless = status == 204 || status == 304
    let framing = length != nil || isBodiless ? AnswerWriter.Framing.length : isHTTP10 ? .untilClose : .chunked
    // The body is not wanted any more, or no further request is, or only its end tells how long the answer is.
    if phase == .receiving || state.stopFlag.isRaised || framing == .untilClose { mustClose = true }
    lines.add("date", HTTPDate.now)
    lines.add("x-request-id", record.id)
    record.standing?.add(to: &lines)
    settings.cors.add(allowedOrigin, to: &lines)
    if mustClose { lines.add("connection", "close") } else if isHTTP10 { lines.add("connection", "keep-alive") }
    writer.add(
      AnswerHead(
        status: status, isHTTP10: isHTTP10, hasBody: !isBodiless && record.method != .HEAD, framing: framing,
        length: isBodiless ? nil : length),
      lines: lines)
  }

  /// Adds a piece to the body; it leaves with the next flush.
  package func writeBody(_ piece: ByteBuffer) {
    guard let context, phase == .receiving || phase == .responding else { return }
    for large in writer.add(piece) { context.write(wrapOutboundOut(large), promise: nil) }
  }

  /// Sends what was written; `promise` is kept once the system has taken it.
  package func flush(promise: EventLoopPromise<Void>? = nil) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    // Nothing is held here while the channel writes: it may call back at once.
    let output = writer.take()
    if output.readableBytes > 0 || promise != nil {
      context.writeAndFlush(wrapOutboundOut(output), promise: promise)
      writer.reuse(output)
    } else {
      context.flush()
    }
  }

  /// Gives an answer of the door's own.
  func give(_ answer: Admission.OwnAnswer) {
    switch answer {
    case .refusal(let failure): refuse(failure)
    case .preflight(let lines): respond(204, lines, nil)
    }
  }

  var admission: Admission { Admission(routes: state.routes, settings: settings) }
}
