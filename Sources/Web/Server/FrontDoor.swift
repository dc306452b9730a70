package import Kernel
import Logging
package import NIOCore
import NIOHTTP1
package import Wire

/// One connection of a client, from its bytes to its bytes, the same for both ways: it names and times each request,
/// knows the caller, keeps the limits, writes what every answer carries, and leaves one log line behind.
///
/// It answers what needs no way at all: preflights, unknown routes, missing keys, bodies too large, clients too slow.
package final class FrontDoor: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

  private enum Phase {
    /// Between requests; a connection that has not served any must not stay silent for long.
    case waiting
    case receiving
    case responding
    /// Answered before the body was whole: what still comes is thrown away, so that the client can read the answer.
    case lingering
    case closing
  }

  /// How long, and how much of, a body that nobody wants is read, before the connection is cut.
  private static let lingerTime = TimeAmount.seconds(5)
  private static let lingerBytes = 64 << 20
  /// A body that arrives more slowly than this, beyond `request_timeout`, is given up.
  private static let slowestBytesPerSecond = 8 << 10

  /// The request of this moment; the ways write into it what they learn.
  package private(set) var record: RequestRecord
  /// The settings that this request began with.
  package private(set) var settings: ServerSettings
  private let state: ServerState
  private let ways: Ways
  private var way: (any Way)?
  private var reader = RequestReader()
  private var writer = AnswerWriter()
  private var instruments = InstrumentCache()
  private var phase = Phase.waiting
  private var isReadingRequests = false
  /// Whether the channel asked for more while the answer before it was not whole.
  private var hasHeldRead = false
  private var receivedBytes = 0
  /// What this request has of the bytes that all bodies together may have.
  private var takenBytes = 0
  private var unsent = UnsentBytes()
  private var mustClose = false
  private var hasResponseHead = false
  private var allowedOrigin: String?
  private var isHTTP10 = false
  private var peer = ""
  /// The door's own answer to a request that is not whole yet.
  private var held: Admission.OwnAnswer?
  private var deadline: LazyDeadline?
  private var context: ChannelHandlerContext?
  private var channel: (any Channel)?

  /// A door for one connection, and what is behind it.
  package init(state: ServerState, ways: Ways) {
    self.state = state
    self.ways = ways
    settings = state.settings.current
    record = RequestRecord(head: Self.noRequest, client: "")
  }

  // MARK: The connection

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    channel = context.channel
    peer = context.remoteAddress?.ipAddress ?? "local"
    deadline = LazyDeadline(loop: context.eventLoop) { [weak self] in self?.deadlinePassed() }
    deadline?.set(.now() + settings.requestTime)
    state.metrics.openConnections.add(1)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    channel = nil
    deadline?.cancel()
    state.metrics.openConnections.add(-1)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if phase == .receiving || phase == .responding { finish(status: record.failure?.code.status ?? 499) }
    phase = .closing
    leaveWay()
    context.fireChannelInactive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      mustClose = true
      if phase == .waiting || phase == .receiving || phase == .lingering { return context.close(promise: nil) }
      way?.clientStoppedSending(at: self)
    case is ChannelShouldQuiesceEvent:
      mustClose = true
      if phase == .waiting { context.close(promise: nil) }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    state.logger.debug("connection failed", metadata: ["error": "\(error)", "client": "\(peer)"])
    context.close(promise: nil)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if phase == .responding {
      watchWriting()
      if context.channel.isWritable { way?.clientIsReady() }
    }
    context.fireChannelWritabilityChanged()
  }

  /// Closes the connection, whatever waits.
  package func close() {
    context?.close(promise: nil)
  }

  /// Whether the client takes more at the moment.
  package var isWritable: Bool { channel?.isWritable ?? false }

  /// The event loop of the connection; the door is used nowhere else.
  package var eventLoop: (any EventLoop)? { channel?.eventLoop }

  // MARK: Time limits

  /// While an answer waits for the client, the client's time runs; otherwise the provider's does.
  private func watchWriting() {
    guard let channel else { return }
    if channel.isWritable {
      deadline?.set(nil)
    } else {
      unsent.look(at: channel)
      deadline?.set(writeDeadline)
    }
  }

  private var writeDeadline: NIODeadline { .now() + settings.writeTime }

  private func deadlinePassed() {
    if phase != .receiving, let channel, unsent.look(at: channel) {
      deadline?.set(writeDeadline)
      return
    }
    switch phase {
    case .waiting where record.status == 0:
      begin(Self.noRequest)
      refuse(Failure(.requestTimeout, reason: "request_timeout", "The request took too long to arrive."))
    case .receiving:
      refuse(Failure(.requestTimeout, reason: "request_timeout", "The request took too long to arrive."))
    case .responding:
      record.failure = Failure(.requestTimeout, reason: "client_too_slow", "The client did not take its answer.")
      close()
    case .waiting, .lingering, .closing:
      close()
    }
  }

  private func bodyDeadline() -> NIODeadline {
    let allowance = TimeAmount.seconds(Int64(receivedBytes / Self.slowestBytesPerSecond))
    return record.start + settings.requestTime + allowance
  }

  // MARK: Requests

  /// Stands in the log for a request whose head never came whole.
  private static let noRequest = RequestHead(.GET, "-")

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .closing else { return }
    record.work.begin()
    reader.feed(unwrapInboundIn(data))
    readRequests()
    record.work.pause()
  }

  /// While one request is answered, the next ones wait in the reader, and what is behind them with the client.
  package func read(context: ChannelHandlerContext) {
    hasHeldRead = phase == .responding && reader.pendingBytes > 0
    if !hasHeldRead { context.read() }
  }

  private func readRequests() {
    guard !isReadingRequests else { return }
    isReadingRequests = true
    defer { isReadingRequests = false }
    do throws(HTTPSyntaxError) {
      while phase != .responding, phase != .closing, let part = try reader.next() {
        switch part {
        case .head where phase != .waiting: context?.close(promise: nil)
        case .head(let head): receive(head)
        case .body(let piece): receive(piece)
        case .end: receiveEnd()
        }
      }
    } catch {
      guard phase != .lingering else { return close() }
      if phase == .waiting { begin(Self.noRequest) }
      refuse(Admission.failure(for: error))
    }
  }

  private func begin(_ head: RequestHead) {
    settings = state.settings.current
    let began = record.work.began
    record = RequestRecord(
      head: head, client: settings.clientAddress.resolve(peer: peer, forwardedFor: head.lines.all("x-forwarded-for")))
    record.work.begin(began)
    phase = .receiving
    receivedBytes = 0
    held = nil
    hasResponseHead = false
    isHTTP10 = head.isHTTP10
    allowedOrigin = settings.cors.allowedOrigin(for: head.lines)
    // A request to change the protocol is answered as if it had not asked, but nothing after it can be trusted.
    mustClose = !head.keepsAlive || head.lines.contains("upgrade") || head.method == .CONNECT
  }

  private func receive(_ head: RequestHead) {
    begin(head)
    deadline?.set(bodyDeadline())
    if let answer = admission.ownAnswer(to: head, isAllowedOrigin: allowedOrigin != nil, record) {
      // Without a body its end is here in a moment, and the connection can stay.
      if head.contentLength == 0 { held = answer } else { give(answer) }
      return
    }
    if !isHTTP10, head.lines.first("expect", is: "100-continue") {
      writer.addContinue()
      flush()
    }
    way = record.route?.way == .model ? ways.model : ways.router
    way?.begin(head, at: self)
  }

  private func receive(_ piece: ByteBuffer) {
    receivedBytes += piece.readableBytes
    if phase == .lingering {
      if receivedBytes > Self.lingerBytes { context?.close(promise: nil) }
      return
    }
    guard phase == .receiving else { return }
    if receivedBytes > settings.configuration.maxBody.bytes {
      return refuse(admission.tooLarge)
    }
    guard state.bodies.take(piece.readableBytes) else {
      return refuse(
        Failure(
          .unavailable, reason: "too_many_bodies", "Too much is being uploaded at once.", retryAfter: .seconds(1)))
    }
    takenBytes += piece.readableBytes
    deadline?.set(bodyDeadline())
    way?.receive(piece)
  }

  private func receiveEnd() {
    switch phase {
    case .receiving:
      phase = .responding
      watchWriting()
      if let answer = held {
        held = nil
        return give(answer)
      }
      way?.answer(at: self)
    case .lingering:
      close()
    case .waiting, .responding, .closing:
      break
    }
  }

  private func leaveWay() {
    let left = way
    way = nil
    left?.abandon()
  }

  private func give(_ answer: Admission.OwnAnswer) {
    switch answer {
    case .refusal(let failure): refuse(failure)
    case .preflight(let lines): respond(204, lines, nil)
    }
  }

  private var admission: Admission { Admission(routes: state.routes, settings: settings) }

  // MARK: Answers

  /// Answers with a failure, in the shape of the route, and remembers it for the log.
  ///
  /// An answer that has begun cannot become another: its connection is closed instead.
  package func refuse(_ failure: Failure) {
    record.failure = failure
    if hasResponseHead { return close() }
    if phase == .receiving { leaveWay() }
    let shape = ErrorBody.Shape(path: record.path)
    var (lines, body) = ErrorBody.answer(to: failure, shape: shape, requestID: record.id)
    if failure.code == .methodNotAllowed,
      case .wrongMethod(let allowed) = state.routes.match(record.method, path: record.path)
    {
      lines.add("allow", allowed.joined(separator: ", "))
    }
    respond(failure.code.status, lines, body)
  }

  /// Sends a whole answer from the door itself.
  private func respond(_ status: Int, _ lines: HeaderLines, _ body: ByteBuffer?) {
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
    writer.add(piece) { context.write(wrapOutboundOut($0), promise: nil) }
  }

  /// Sends what was written; `promise` is kept once the system has taken it.
  package func flush(promise: EventLoopPromise<Void>? = nil) {
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    if writer.hasOutput {
      writer.take { context.writeAndFlush(wrapOutboundOut($0), promise: promise) }
    } else if let promise {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    } else {
      context.flush()
    }
  }

  /// Ends the answer, and sends what is left of it.
  package func writeEnd() {
    guard let context, phase == .receiving || phase == .responding else { return }
    writer.end()
    way = nil
    phase = phase == .receiving ? .lingering : mustClose ? .closing : .waiting
    // Until the last byte is taken the client's time to take it runs; then the time of what comes next.
    deadline?.set(writeDeadline)
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.answerLeft() }
    flush(promise: written)
    finish(status: record.status)
    readRequests()
    if hasHeldRead { read(context: context) }
  }

  private func answerLeft() {
    switch phase {
    case .waiting: deadline?.set(.now() + settings.idleTime)
    case .lingering: deadline?.set(.now() + Self.lingerTime)
    case .closing: context?.close(promise: nil)
    case .receiving, .responding: break
    }
  }

  /// Counts and logs the request, once.
  private func finish(status: Int) {
    record.status = status
    record.work.pause()
    state.bodies.giveBack(takenBytes)
    takenBytes = 0
    let duration = NIODeadline.now() - record.start
    instruments.count(record, duration: duration, in: state.metrics)
    state.sink.write(LogLine(record, duration: duration))
  }
}
