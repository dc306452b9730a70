import NIOCore
import NIOHTTP1
import NIOTLS

/// One connection to an upstream: drives `UpstreamExchange` with what the channel brings.
final class UpstreamConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let pool: UpstreamPool
  private var exchange = UpstreamExchange()
  private var call: UpstreamCall?
  private var context: ChannelHandlerContext?
  private var deadline: LazyDeadline?
  private var isReady = false
  /// Whether nobody waits any more for this connection to come to stand.
  private(set) var isAbandoned = false
  var connectTimer: Scheduled<Void>?
  private var problem: String?

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
    let request = call.request
    var head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.path, headers: request.headers)
    head.headers.add(name: "host", value: pool.origin.authority)
    head.headers.add(name: "content-length", value: String(request.body.readableBytes))
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess { [weak self, weak call] in
      self?.exchange.wroteRequest()
      call?.dropBody()
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    call.receiver?.upstreamSent()
    context.read()
  }

  /// Reads on after a pause.
  func read() {
    expectMore()
    context?.read()
  }

  func cancel() {
    if isReady { act(on: exchange.cancel()) } else { abandon(nil) }
  }

  /// Begins, on a channel that stands.
  func start() {
    if pool.origin.isSecure { context?.read() } else { ready() }
  }

  func keepIdle(until deadline: NIODeadline) {
    self.deadline?.set(deadline)
    context?.read()
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
    deadline?.cancel()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { ready() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head) where head.status == .switchingProtocols:
      act(on: exchange.ended(problem: "an upgrade that nobody asked for"))
    case .head(let head):
      let action = exchange.receivedHead(keepAlive: head.isKeepAlive)
      act(on: action) { $0.upstreamHead(head) }
    case .body(let piece):
      act(on: exchange.receivedBody()) { $0.upstreamBody(piece) }
    case .end:
      act(on: exchange.receivedEnd())
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard isReady else { return context.read() }
    guard let receiver = call?.receiver else { return }
    // Before the head there is nothing to hand over, and what trickles in does not move the limit for it.
    guard exchange.hasHead else { return context.read() }
    expectMore()
    if receiver.upstreamPaused() { context.read() } else { deadline?.set(nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    problem = problem ?? "\(error)"
    // An end in the middle is a cut; the rest of the parser's errors are no HTTP.
    let isHTTP = (error as? HTTPParserError).map { $0 == .invalidEOFState } ?? true
    if isReady, !isHTTP { act(on: exchange.ended(problem: problem)) }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if isReady {
      if exchange.mayRetry, let call = release() {
        pool.retry(call)
      } else {
        act(on: exchange.ended(problem: nil))
      }
    } else {
      release()?.fail(pool.origin.isSecure ? .insecure(problem ?? "closed in the handshake") : .closedBeforeHead)
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
