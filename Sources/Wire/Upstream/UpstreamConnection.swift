import NIOCore
import NIOTLS

/// One connection to an upstream: drives `ResponseReader` and `UpstreamExchange` with what the channel brings.
final class UpstreamConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = Never
  typealias OutboundOut = ByteBuffer

  /// Smaller bodies are sent in one piece with their head.
  private static let joinedBytes = 64 << 10
  /// How much of a larger one is sent before others have their turn.
  private static let bytesInOneTurn = 1 << 20

  private let pool: UpstreamPool
  private var reader = ResponseReader()
  private var exchange = UpstreamExchange()
  private var call: UpstreamCall?
  private var context: ChannelHandlerContext?
  private var deadline: LazyDeadline?
  private var isReady = false
  /// Whether the receiver has enough for now: then nothing is read, and the upstream has to wait.
  private var isPaused = false
  /// Whether nobody waits any more for this connection to come to stand.
  private(set) var isAbandoned = false
  var connectTimer: Scheduled<Void>?
  private var problem: String?
  private var unsent: UnsentBody?

  init(pool: UpstreamPool) {
    self.pool = pool
  }

  /// The call that this connection was opened for or is busy with.
  var owner: UpstreamCall? { call }

  // MARK: What the pool asks

  /// Binds a call to a connection that is not open yet.
  func reserve(for call: UpstreamCall) {
    self.call = call
    call.connection = self
  }

  /// Sends a call's request.
  func begin(_ call: UpstreamCall) {
    guard let context, exchange.isIdle else { return call.fail(.closedBeforeHead) }
    reserve(for: call)
    exchange.begin()
    deadline?.set(.now() + pool.limits.response)
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess { [weak self, weak call] in
      self?.exchange.wroteRequest()
      call?.dropBody()
    }
    send(call.request, written, context)
  }

  private func send(_ request: UpstreamRequest, _ written: EventLoopPromise<Void>, _ context: ChannelHandlerContext) {
    let head = request.head(authority: pool.authority)
    let bodyBytes = request.bodyBytes
    let isJoined = bodyBytes <= Self.joinedBytes
    var output = context.channel.allocator.buffer(capacity: head.count + (isJoined ? bodyBytes : 0))
    output.writeBytes(head)
    if isJoined {
      for piece in request.body { output.writeImmutableBuffer(piece) }
      return context.writeAndFlush(wrapOutboundOut(output), promise: written)
    }
    context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    unsent = UnsentBody(pieces: request.body[...], written: written)
    sendBody(context)
  }

  /// Sends what the channel takes of a large body, and not too much of it in one turn: over TLS all of it is encrypted.
  private func sendBody(_ context: ChannelHandlerContext) {
    var rest = Self.bytesInOneTurn
    while rest > 0, context.channel.isWritable, let slice = unsent?.next(Self.joinedBytes) {
      rest -= slice.readableBytes
      let isLast = unsent?.isEmpty == true
      let promise = isLast ? unsent?.written : nil
      if isLast { unsent = nil }
      context.writeAndFlush(wrapOutboundOut(slice), promise: promise)
    }
    if unsent != nil, rest <= 0 {
      context.eventLoop.assumeIsolated().execute { [weak self] in
        if let self, let context = self.context { sendBody(context) }
      }
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if unsent != nil, context.channel.isWritable { sendBody(context) }
    context.fireChannelWritabilityChanged()
  }

  /// Reads on after a pause.
  func read() {
    isPaused = false
    expectMore()
    context?.read()
  }

  func cancel() {
    if isReady { act(on: exchange.cancel()) } else { abandon(nil) }
  }

  /// Begins, on a channel that stands.
  func start() {
    if !pool.origin.isSecure { ready() }
  }

  func keepIdle(until deadline: NIODeadline) {
    self.deadline?.set(deadline)
  }

  /// Gives up on a connection that does not come to stand.
  func abandon(_ fault: UpstreamFault?) {
    guard !isReady, !isAbandoned else { return }
    isAbandoned = true
    connectTimer?.cancel()
    let call = release()
    if let fault { call?.fail(fault) }
    context?.close(promise: nil)
  }

  // MARK: What the channel brings

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    deadline = LazyDeadline(loop: context.eventLoop) { [weak self] in
      guard let self else { return }
      act(on: exchange.expired())
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    unsent?.written.fail(ChannelError.ioOnClosedChannel)
    unsent = nil
    deadline?.cancel()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { ready() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Nothing may come before a request: what did would be taken for the answer to the next.
    guard !exchange.isIdle else { return act(on: exchange.ended(problem: nil)) }
    call?.receiver?.upstreamArrived()
    reader.feed(unwrapInboundIn(data))
    do throws(HTTPSyntaxError) {
      while let part = try reader.next() { take(part) }
    } catch {
      act(on: exchange.ended(problem: "\(error)"))
    }
  }

  private func take(_ part: ResponseReader.Part) {
    switch part {
    case .head(let head):
      act(on: exchange.receivedHead(keepAlive: head.keepsAlive)) { $0.upstreamHead(head) }
    case .body(let piece):
      act(on: exchange.receivedBody()) { $0.upstreamBody(piece) }
    case .end:
      act(on: exchange.receivedEnd(bringsMore: reader.pendingBytes > 0))
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Before the head there is nothing to hand over, and what trickles in does not move the limit for it.
    guard let receiver = call?.receiver else { return }
    guard exchange.hasHead else { return _ = receiver.upstreamPaused() }
    expectMore()
    if receiver.upstreamPaused() { return }
    isPaused = true
    deadline?.set(nil)
  }

  /// The channel asks for more whenever it has delivered something; while paused it does not get it.
  func read(context: ChannelHandlerContext) {
    if !isPaused { context.read() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    problem = problem ?? "\(error)"
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !isReady {
      release()?.fail(pool.origin.isSecure ? .insecure(problem ?? "closed in the handshake") : .closedBeforeHead)
    } else if exchange.mayRetry, let call = release() {
      pool.retry(call)
    } else if problem == nil, reader.endsAtClose {
      act(on: exchange.receivedEnd())
    } else {
      act(on: exchange.ended(problem: nil))
    }
    pool.closed(self)
  }

  private func expectMore() {
    if exchange.hasHead { deadline?.set(.now() + pool.limits.idle) }
  }

  private func ready() {
    guard !isAbandoned else { return }
    isReady = true
    connectTimer?.cancel()
    pool.opened(self)
  }

  // MARK: Acting

  private func act(on action: UpstreamExchange.Action, deliver: ((any UpstreamReceiver) -> Void)? = nil) {
    switch action {
    case .deliver:
      if let receiver = call?.receiver { deliver?(receiver) }
    case .finish(let reuse):
      let receiver = release()?.detach()
      if reuse { pool.idle(self) } else { close() }
      receiver?.upstreamEnd()
    case .fail(let fault):
      let call = release()
      close()
      call?.fail(fault)
    case .close:
      release()
      close()
    case .ignore:
      break
    }
  }

  @discardableResult
  private func release() -> UpstreamCall? {
    defer { call = nil }
    call?.connection = nil
    return call
  }

  private func close() {
    pool.forget(self)
    deadline?.cancel()
    context?.close(promise: nil)
  }
}

/// What is left to send of a large body.
private struct UnsentBody {
  var pieces: ArraySlice<ByteBuffer>
  /// Kept once the last of it was written.
  let written: EventLoopPromise<Void>

  var isEmpty: Bool { pieces.isEmpty }

  /// Takes a slice off the front.
  mutating func next(_ most: Int) -> ByteBuffer? {
    while var first = pieces.popFirst() {
      guard let slice = first.readSlice(length: min(most, first.readableBytes)), slice.readableBytes > 0 else {
        continue
      }
      if first.readableBytes > 0 { pieces.insert(first, at: pieces.startIndex) }
      while pieces.first?.readableBytes == 0 { pieces.removeFirst() }
      return slice
    }
    return nil
  }
}
