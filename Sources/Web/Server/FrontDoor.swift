import Kernel
import Logging
package import NIOCore
import NIOHTTP1
import Wire

/// One connection of a client, from its bytes to its bytes, the same for both ways: it names and times each request,
/// knows the caller, keeps the limits, writes what every answer carries, and leaves one log line behind.
///
/// It answers what needs no way at all: preflights, unknown routes, missing keys, bodies too large, clients too slow.
package final class FrontDoor: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

  enum Phase {
    /// Between requests; a connection that has not served any must not stay silent for long.
    case waiting
    /// Its caller, or their limits, are being asked for; its body waits in the reader.
    case asking
    case receiving
    case responding
    /// The answer is whole, and on its way; the next request has to wait, so that no more than one answer ever does.
    case leaving
    /// Answered before the body was whole: what still comes is thrown away, so that the client can read the answer.
    case lingering
    case closing
  }

  /// How long, and how much of, a body that nobody wants is read, before the connection is cut.
  private static let lingerTime = TimeAmount.seconds(5)
  private static let lingerBytes = 64 << 20
  /// A body so small is read to its end before it is refused.
  private static let heldBytes = 64 << 10
  /// How much is done for one connection before others have their turn: so many pieces of bodies, or a sixteenth of
  /// that in whole requests.
  private static let effortInOneTurn = 256

  /// The request of this moment; the ways write into it what they learn.
  package private(set) var record: RequestRecord
  /// The settings that this request began with.
  package private(set) var settings: ServerSettings
  let state: ServerState
  private let ways: Ways
  var way: (any Way)?
  private var reader = RequestReader()
  var writer = AnswerWriter()
  private var instruments = InstrumentCache()
  var phase = Phase.waiting
  private var isReadingRequests = false
  /// The number of the question that is asked, or was asked last: only its answer counts.
  var questions = 0
  /// Whether the client has stopped sending while something was asked.
  var hasInputClosed = false
  /// Whether the end of an answer is being written, whatever the system does meanwhile.
  private var isEnding = false
  /// Whether requests wait in the reader for the next turn.
  private var isBehind = false
  /// Whether the channel asked for more while the answer before it was not whole.
  private var hasHeldRead = false
  private var receivedBytes = 0
  /// What this request has of the bytes that all bodies together may have.
  private var takenBytes = 0
  private var unsent = UnsentBytes()
  var mustClose = false
  var hasResponseHead = false
  var allowedOrigin: String?
  var isHTTP10 = false
  private var peer = ""
  /// The door's own answer to a request that is not whole yet.
  private var held: Admission.OwnAnswer?
  private var deadline: LazyDeadline?
  var context: ChannelHandlerContext?
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
    switch phase {
    case .asking, .receiving, .responding: finish(status: record.failure?.code.status ?? 499)
    case .waiting, .leaving, .lingering, .closing: break
    }
    phase = .closing
    leaveWay()
    context.fireChannelInactive()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      mustClose = true
      switch phase {
      case .receiving: held.map(give) ?? close()
      case .waiting, .lingering: close()
      // Half a connection is taken for none where models are asked: nothing must be asked of them then.
      case .asking: if record.route?.way == .model { close() } else { hasInputClosed = true }
      case .responding: way?.clientStoppedSending(at: self)
      case .leaving, .closing: break
      }
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
      let tooSlow = Failure(.requestTimeout, reason: "request_timeout", "The request took too long to arrive.")
      give(held ?? .refusal(tooSlow))
    case .asking:
      stopAsking()
      refuse(Failure(.unavailable, reason: "identity_timeout", "It took too long to find out who is asking."))
      goOn()
    case .responding:
      record.failure = Failure(.requestTimeout, reason: "client_too_slow", "The client did not take its answer.")
      close()
    case .waiting, .leaving, .lingering, .closing:
      close()
    }
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
    let isBusy = phase == .asking || phase == .responding || phase == .leaving || isBehind
    hasHeldRead = isBusy && reader.pendingBytes > 0
    if !hasHeldRead { context.read() }
  }

  private func readRequests() {
    guard !isReadingRequests, !isEnding else { return }
    isReadingRequests = true
    defer { isReadingRequests = false }
    var effort = 0
    do throws(HTTPSyntaxError) {
      while takesParts, effort < Self.effortInOneTurn, let part = try reader.next() {
        switch part {
        case .head where phase != .waiting: close()
        case .head(let head): receive(head)
        case .body(let piece):
          effort += 1
          receive(piece)
        case .end:
          effort += Self.effortInOneTurn / 16
          receiveEnd()
        }
      }
    } catch {
      if phase == .waiting { begin(Self.noRequest) }
      if phase == .receiving { refuse(Admission.failure(for: error)) }
    }
    isBehind = effort >= Self.effortInOneTurn
    if isBehind { context?.eventLoop.assumeIsolated().execute { [weak self] in self?.goOn() } }
  }

  private var takesParts: Bool { phase == .waiting || phase == .receiving || phase == .lingering }

  /// Goes on with what has arrived meanwhile, and with what the client had to keep.
  func goOn() {
    isBehind = false
    record.work.begin()
    readRequests()
    record.work.pause()
    if hasHeldRead, let context { read(context: context) }
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
    deadline?.set(record.start + settings.time(toReceive: receivedBytes))
    follow(admission.judge(head, isAllowedOrigin: allowedOrigin != nil, record), for: head)
  }

  func follow(_ verdict: Admission.Verdict, for head: RequestHead) {
    switch verdict {
    case .letIn: letIn(head)
    // The end of a small body is here in a moment, and the connection can stay.
    case .answer(let answer):
      let mayWait = head.contentLength ?? .max <= min(Self.heldBytes, settings.configuration.maxBody.bytes)
      if mayWait, !head.lines.contains("expect") {
        held = answer
      } else {
        give(answer)
      }
    case .ask(let question): ask(question, for: head)
    }
  }

  private func letIn(_ head: RequestHead) {
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
    guard held == nil else { return }  // it is refused: nobody keeps its body
    guard state.bodies.take(piece.readableBytes) else {
      return refuse(
        Failure(
          .unavailable, reason: "too_many_bodies", "Too much is being uploaded at once.", retryAfter: .seconds(1)))
    }
    takenBytes += piece.readableBytes
    deadline?.set(record.start + settings.time(toReceive: receivedBytes))
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
    case .waiting, .asking, .responding, .leaving, .closing:
      break
    }
  }

  func leaveWay() {
    let left = way
    way = nil
    left?.abandon()
  }

  // MARK: The end of an answer

  /// Ends the answer, and sends what is left of it.
  package func writeEnd() {
    guard let context, phase == .receiving || phase == .responding else { return }
    writer.end()
    way = nil
    phase = phase == .receiving ? .lingering : .leaving
    // Until the last byte is taken the client's time to take it runs; then the time of what comes next.
    deadline?.set(writeDeadline)
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.answerLeft() }
    isEnding = true
    flush(promise: written)
    isEnding = false
    if phase == .leaving, let channel { unsent.look(at: channel) }
    finish(status: record.status)
    if phase == .waiting { goOn() }
  }

  private func answerLeft() {
    switch phase {
    case .leaving where mustClose:
      phase = .closing
      close()
    case .leaving:
      phase = .waiting
      deadline?.set(.now() + settings.idleTime)
      if !isEnding { goOn() }
    case .lingering:
      deadline?.set(.now() + Self.lingerTime)
    case .waiting, .asking, .receiving, .responding, .closing:
      break
    }
  }

  /// Counts and logs the request, once.
  private func finish(status: Int) {
    record.status = status
    record.work.pause()
    if record.hasEntered { record.caller?.leave() }
    record.hasEntered = false
    if let failure = record.failure, failure.code == .rateLimited {
      state.metrics.rateLimited.with(failure.reason ?? "").add()
    }
    state.bodies.giveBack(takenBytes)
    takenBytes = 0
    let duration = NIODeadline.now() - record.start
    instruments.count(record, duration: duration, in: state.metrics)
    state.sink.write(LogLine(record, duration: duration))
  }
}
