package import Kernel
import Logging
package import NIOCore
package import NIOHTTP1
import Wire

/// The first handler that sees requests, the same for both ways: it names and times each one, knows the caller, keeps
/// the limits, writes what every answer carries, and leaves one log line behind.
///
/// It answers what needs no way at all: preflights, unknown routes, missing keys, bodies too large, clients too slow.
package final class FrontDoor: ChannelDuplexHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias InboundOut = HTTPServerRequestPart
  package typealias OutboundIn = HTTPServerResponsePart
  package typealias OutboundOut = HTTPServerResponsePart

  /// Tells the handlers behind the door that the request they were given has been answered, or has gone.
  package struct Abandoned: Sendable {}

  private enum Phase {
    /// Between requests; a connection that has not served any must not stay silent for long.
    case waiting
    case receiving
    case responding
    /// Answered before the body was whole: what still comes is thrown away, so that the client can read the answer.
    case lingering
    case closing
  }

  /// An answer that the door gives itself.
  private enum OwnAnswer {
    case refusal(Failure)
    case preflight(HTTPRequestHead)
  }

  /// How long, and how much of, a body that nobody wants is read, before the connection is cut.
  private static let lingerTime = TimeAmount.seconds(5)
  private static let lingerBytes = 64 << 20
  /// A body that arrives more slowly than this, beyond `request_timeout`, is given up.
  private static let slowestBytesPerSecond = 8 << 10

  /// The request of this moment; the ways write into it what they learn.
  package var record: RequestRecord
  /// The settings that this request began with.
  package private(set) var settings: ServerSettings
  private let state: ServerState
  private var phase = Phase.waiting
  private var receivedBytes = 0
  /// What this request has of the bytes that all bodies together may have.
  private var takenBytes = 0
  /// What the client had not taken at the last look.
  private var unsentBytes = 0
  private var mustClose = false
  private var hasResponseHead = false
  private var expectsContinue = false
  private var allowedOrigin: String?
  private var version = HTTPVersion.http1_1
  private var peer = ""
  /// The door's own answer to a request that is not whole yet.
  private var held: OwnAnswer?
  private var deadline: LazyDeadline?
  private var context: ChannelHandlerContext?

  /// A door for one connection.
  package init(state: ServerState) {
    self.state = state
    settings = state.settings.current
    record = RequestRecord(head: Self.noRequest, client: "")
  }

  // MARK: The connection

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    peer = context.remoteAddress?.ipAddress ?? "local"
    deadline = LazyDeadline(loop: context.eventLoop) { [weak self] in self?.deadlinePassed() }
    deadline?.set(.now() + settings.configuration.requestTimeout.timeAmount)
    state.metrics.openConnections.add(1)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    deadline?.cancel()
    state.metrics.openConnections.add(-1)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if phase == .receiving || phase == .responding { finish(status: record.failure?.code.status ?? 499) }
    phase = .closing
    context.fireUserInboundEventTriggered(Abandoned())
    context.fireChannelInactive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent {
      mustClose = true
      if phase == .waiting || phase == .receiving || phase == .lingering { context.close(promise: nil) }
    }
    context.fireUserInboundEventTriggered(event)
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A request that ends in the middle has nobody who waits for its answer.
    guard let parserError = error as? HTTPParserError, parserError != .invalidEOFState, phase != .closing else {
      state.logger.debug("connection failed", metadata: ["error": "\(error)", "client": "\(peer)"])
      return context.close(promise: nil)
    }
    guard phase != .lingering else { return }
    if phase == .waiting { begin(Self.noRequest) }
    refuse(Admission.failure(for: parserError))
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if phase == .responding { watchWriting() }
    context.fireChannelWritabilityChanged()
  }

  /// While an answer waits for the client, the client's time runs; otherwise the provider's does.
  private func watchWriting() {
    guard let channel = context?.channel else { return }
    unsentBytes = Self.unsentBytes(of: channel)
    deadline?.set(channel.isWritable ? nil : .now() + settings.configuration.writeTimeout.timeAmount)
  }

  /// Whether the client took something of what waits for it since the last look.
  private func clientTookSome() -> Bool {
    guard let channel = context?.channel else { return false }
    let before = unsentBytes
    unsentBytes = Self.unsentBytes(of: channel)
    return unsentBytes < before
  }

  private static func unsentBytes(of channel: any Channel) -> Int {
    // Every channel of a server has this option; a closed one has nothing to send.
    (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  private func deadlinePassed() {
    if phase != .receiving, clientTookSome() {
      deadline?.set(.now() + settings.configuration.writeTimeout.timeAmount)
      return
    }
    switch phase {
    case .waiting where record.status == 0:
      refuseUnread(Failure(.requestTimeout, reason: "request_timeout", "The request took too long to arrive."))
    case .receiving:
      refuse(Failure(.requestTimeout, reason: "request_timeout", "The request took too long to arrive."))
    case .responding:
      record.failure = Failure(.requestTimeout, reason: "client_too_slow", "The client did not take its answer.")
      context?.close(promise: nil)
    case .waiting, .lingering, .closing:
      context?.close(promise: nil)
    }
  }

  /// Stands in the log for a request whose head never came whole.
  private static let noRequest = HTTPRequestHead(version: .http1_1, method: .GET, uri: "-")

  // MARK: Requests

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head where phase != .waiting: context.close(promise: nil)
    case .head(let head): receive(head, context)
    case .body(let piece): receive(piece, context)
    case .end: receiveEnd(context)
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    settings = state.settings.current
    let forwarded = head.headers[canonicalForm: "x-forwarded-for"].map(String.init)
    record = RequestRecord(
      head: head, client: settings.clientAddress.resolve(peer: peer, forwardedFor: forwarded))
    phase = .receiving
    receivedBytes = 0
    held = nil
    hasResponseHead = false
    version = head.version == .http1_0 ? .http1_0 : .http1_1
    allowedOrigin = settings.cors.allowedOrigin(for: head.headers)
    expectsContinue = head.headers.first(name: "expect")?.lowercased() == "100-continue"
    // A request to change the protocol is answered as if it had not asked, but the parser reads nothing after it.
    mustClose = !head.isKeepAlive || head.headers.contains(name: "upgrade") || head.method == .CONNECT
  }

  private func receive(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    begin(head)
    deadline?.set(bodyDeadline())
    if let answer = ownAnswer(to: head) {
      // Without a body its end is here in a moment, and the connection can stay.
      let hasBody =
        head.headers.contains(name: "transfer-encoding") || head.headers.first(name: "content-length") ?? "0" != "0"
      if hasBody { give(answer) } else { held = answer }
      return
    }
    if expectsContinue {
      context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))), promise: nil)
    }
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  private func receive(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
    receivedBytes += piece.readableBytes
    if phase == .lingering {
      if receivedBytes > Self.lingerBytes { context.close(promise: nil) }
      return
    }
    guard phase == .receiving else { return }
    if receivedBytes > settings.configuration.maxBody.bytes {
      context.fireUserInboundEventTriggered(Abandoned())
      return refuse(admission.tooLarge)
    }
    guard state.bodies.take(piece.readableBytes) else {
      context.fireUserInboundEventTriggered(Abandoned())
      return refuse(
        Failure(
          .unavailable, reason: "too_many_bodies", "Too much is being uploaded at once.", retryAfter: .seconds(1)))
    }
    takenBytes += piece.readableBytes
    deadline?.set(bodyDeadline())
    context.fireChannelRead(wrapInboundOut(.body(piece)))
  }

  private func receiveEnd(_ context: ChannelHandlerContext) {
    switch phase {
    case .receiving:
      phase = .responding
      record.received = .now()
      watchWriting()
      if let answer = held {
        held = nil
        return give(answer)
      }
      context.fireChannelRead(wrapInboundOut(.end(nil)))
    case .lingering:
      context.close(promise: nil)
    case .waiting, .responding, .closing:
      break
    }
  }

  private func ownAnswer(to head: HTTPRequestHead) -> OwnAnswer? {
    if let failure = admission.flaw(of: head) {
      mustClose = true
      return .refusal(failure)
    }
    if Cors.isPreflight(head), allowedOrigin != nil { return .preflight(head) }
    do throws(Failure) {
      try admission.admit(head, &record)
      return nil
    } catch {
      return .refusal(error)
    }
  }

  private func give(_ answer: OwnAnswer) {
    switch answer {
    case .refusal(let failure): refuse(failure)
    case .preflight(let head): answerPreflight(head)
    }
  }

  private var admission: Admission { Admission(routes: state.routes, settings: settings) }

  private func bodyDeadline() -> NIODeadline {
    let allowance = TimeAmount.seconds(Int64(receivedBytes / Self.slowestBytesPerSecond))
    return record.start + settings.configuration.requestTimeout.timeAmount + allowance
  }

  // MARK: Answers

  /// Answers with a failure, in the shape of the route, and remembers it for the log.
  ///
  /// An answer that has begun cannot become another: its connection is closed instead.
  package func refuse(_ failure: Failure) {
    record.failure = failure
    if hasResponseHead {
      context?.close(promise: nil)
      return
    }
    let shape = ErrorBody.Shape(path: record.path)
    var (head, body) = ErrorBody.response(to: failure, shape: shape, requestID: record.id)
    if failure.code == .methodNotAllowed,
      case .wrongMethod(let allowed) = state.routes.match(
        record.method, path: record.path)
    {
      head.headers.add(name: "allow", value: allowed.joined(separator: ", "))
    }
    respond(head, body)
  }

  /// Answers before there is a request: past the handler that pairs answers with requests, as plain bytes.
  private func refuseUnread(_ failure: Failure) {
    guard let context else { return }
    begin(Self.noRequest)
    record.failure = failure
    let (head, body) = ErrorBody.response(to: failure, shape: .problem, requestID: record.id)
    var bytes = ByteBuffer(string: "HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n")
    bytes.writeString("connection: close\r\ndate: \(HTTPDate.now)\r\nx-request-id: \(record.id)\r\n")
    for (name, value) in head.headers { bytes.writeString("\(name): \(value)\r\n") }
    bytes.writeString("\r\n")
    bytes.writeImmutableBuffer(body)
    // The encoder is always there, unless the connection is being closed.
    let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
    encoder?.writeAndFlush(NIOAny(bytes), promise: nil)
    finish(status: failure.code.status)
    phase = .lingering
    deadline?.set(.now() + Self.lingerTime)
  }

  private func answerPreflight(_ head: HTTPRequestHead) {
    var headers = HTTPHeaders()
    Cors.addPreflight(for: head, to: &headers)
    respond(HTTPResponseHead(version: version, status: .noContent, headers: headers), ByteBuffer())
  }

  /// Sends a whole answer from the door itself.
  private func respond(_ head: HTTPResponseHead, _ body: ByteBuffer) {
    guard let context else { return }
    write(context: context, data: wrapOutboundOut(.head(head)), promise: nil)
    if body.readableBytes > 0, record.method != .HEAD {
      write(context: context, data: wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    write(context: context, data: wrapOutboundOut(.end(nil)), promise: nil)
    context.flush()
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head):
      guard head.status.code >= 200 else { return context.write(data, promise: promise) }
      complete(&head)
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .body:
      context.write(data, promise: promise)
    case .end:
      end(data, promise, context)
    }
  }

  /// Adds what every answer carries.
  private func complete(_ head: inout HTTPResponseHead) {
    hasResponseHead = true
    record.status = Int(head.status.code)
    // The body is not wanted any more, or no further request is, or only its end tells how long the answer is.
    let isOpenEnded = version == .http1_0 && !head.headers.contains(name: "content-length")
    if phase == .receiving || state.stopFlag.isRaised || isOpenEnded { mustClose = true }
    head.version = version
    head.headers.replaceOrAdd(name: "date", value: HTTPDate.now)
    head.headers.replaceOrAdd(name: "x-request-id", value: record.id)
    settings.cors.add(allowedOrigin, to: &head.headers)
    if mustClose {
      head.headers.replaceOrAdd(name: "connection", value: "close")
    } else if version == .http1_0 {
      head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
    }
  }

  private func end(_ data: NIOAny, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
    guard phase != .closing else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    finish(status: record.status)
    phase = phase == .receiving ? .lingering : mustClose ? .closing : .waiting
    // Until the last byte is taken the client's time to take it runs; then the time of what comes next.
    unsentBytes = Self.unsentBytes(of: context.channel)
    deadline?.set(.now() + settings.configuration.writeTimeout.timeAmount)
    let written = promise ?? context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.answerLeft() }
    context.write(data, promise: written)
  }

  private func answerLeft() {
    unsentBytes = 0
    switch phase {
    case .waiting: deadline?.set(.now() + settings.configuration.idleTimeout.timeAmount)
    case .lingering: deadline?.set(.now() + Self.lingerTime)
    case .closing: context?.close(promise: nil)
    case .receiving, .responding: break
    }
  }

  /// Counts and logs the request, once.
  private func finish(status: Int) {
    record.status = status
    state.bodies.giveBack(takenBytes)
    takenBytes = 0
    let duration = NIODeadline.now() - record.start
    state.metrics.count(record, duration: duration)
    state.sink.write(LogLine(record, duration: duration))
  }
}

extension Duration {
  /// The same length for SwiftNIO, to the nanosecond.
  package var timeAmount: TimeAmount {
    .nanoseconds(components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000)
  }
}
