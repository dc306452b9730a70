import HTTPTypes
package import Hummingbird
package import Kernel
package import Logging
package import NIOCore
package import NIOHTTP1

/// What a handler of Hummingbird's router knows about its request.
package struct ApusContext: RequestContext {
  /// What the context is made from.
  package struct Source: RequestContextSource {
    /// Where handlers log.
    package let logger: Logger
    let requestID: String
    let principal: Principal?
  }

  /// What Hummingbird itself keeps.
  package var coreContext: CoreRequestContextStorage
  /// The id that the answer carries, too.
  package let requestID: String
  /// Who is asking; nil on routes that are open to everybody.
  package let principal: Principal?

  /// Takes over what the door found out.
  package init(source: Source) {
    coreContext = CoreRequestContextStorage(source: source)
    requestID = source.requestID
    principal = source.principal
  }
}

/// The way to Hummingbird's router: collects the body (the door bounds it), answers in a task, writes what comes.
package final class RouterBridge: ChannelInboundHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundOut = HTTPServerResponsePart
  /// What Hummingbird's router builds.
  package typealias Responder = any HTTPResponder<ApusContext>

  private let door: FrontDoor
  private let responder: Responder
  private let logger: Logger
  private var head: HTTPRequestHead?
  private var body = ByteBuffer()
  private var task: Task<Void, Never>?

  /// A bridge behind `door`.
  package init(door: FrontDoor, responder: Responder, logger: Logger) {
    self.door = door
    self.responder = responder
    self.logger = logger
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body.clear()
    case .body(var piece):
      // What nobody reads is not kept: anybody may send a body to an open route.
      if head?.method != .GET, head?.method != .HEAD { body.writeBuffer(&piece) }
    case .end:
      if let head { answer(head, context) }
    }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is FrontDoor.Abandoned {
      head = nil
      body = ByteBuffer()
      task?.cancel()
      task = nil
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let source = ApusContext.Source(
      logger: logger, requestID: door.record.id, principal: door.record.principal)
    let request: Request
    do {
      request = Request(head: try HTTPRequest(head, path: door.record.path), body: RequestBody(buffer: body))
    } catch {
      return fail(Failure(.invalidRequest, reason: "malformed_request", "A header is malformed."), context)
    }
    let writer = BridgeWriter(
      bridge: NIOLoopBound(self, eventLoop: context.eventLoop),
      context: NIOLoopBound(context, eventLoop: context.eventLoop), loop: context.eventLoop)
    task = Task { [responder] in
      await writer.send(request, ApusContext(source: source), responder)
    }
  }

  // MARK: What the task asks, on the event loop

  fileprivate func begin(_ response: HTTPResponse, _ context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.head(HTTPResponseHead(response))), promise: nil)
  }

  fileprivate func write(_ piece: ByteBuffer, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    guard head?.method != .HEAD else { return context.eventLoop.makeSucceededVoidFuture() }
    return context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece))))
  }

  fileprivate func end(_ context: ChannelHandlerContext) {
    guard head != nil else { return }
    head = nil
    task = nil
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  fileprivate func fail(_ failure: Failure, _ context: ChannelHandlerContext) {
    guard head != nil else { return }
    head = nil
    task = nil
    door.refuse(failure)
  }
}

/// The task's side of the bridge: every step hops to the connection's event loop.
private struct BridgeWriter: ResponseBodyWriter, Sendable {
  let bridge: NIOLoopBound<RouterBridge>
  let context: NIOLoopBound<ChannelHandlerContext>
  let loop: any EventLoop

  func send(_ request: Request, _ requestContext: ApusContext, _ responder: RouterBridge.Responder) async {
    do {
      let response = try await responder.respond(to: request, context: requestContext)
      var head = response.head
      if head.headerFields[.contentLength] == nil, let length = response.body.contentLength {
        head.headerFields[.contentLength] = String(length)
      }
      let begun = head
      loop.execute { bridge.value.begin(begun, context.value) }
      try await response.body.write(self)
    } catch {
      let failure = Failure(caught: error)
      loop.execute { bridge.value.fail(failure, context.value) }
    }
  }

  func write(_ buffer: ByteBuffer) async throws {
    try await loop.flatSubmit { bridge.value.write(buffer, context.value) }.get()
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
    loop.execute { [bridge, context] in bridge.value.end(context.value) }
  }
}

extension Failure {
  /// Any error that a handler let through: a `Failure` as it is, Hummingbird's own by its status, the rest as a fault.
  fileprivate init(caught error: any Error) {
    if let failure = error as? Failure {
      self = failure
    } else if let error = error as? any HTTPResponseError,
      let code = Code.allCases.first(where: { $0.status == error.status.code }), code != .internalError
    {
      self.init(code, "\(code.title).", cause: "\(error)")
    } else {
      self.init(.internalError, reason: "internal_error", "Something went wrong here.", cause: "\(error)")
    }
  }
}

extension HTTPRequest {
  /// The head as Hummingbird takes it: `path`, and the query as it came.
  fileprivate init(_ head: HTTPRequestHead, path: String) throws {
    guard let method = HTTPRequest.Method(head.method.rawValue) else { throw HTTPError(.badRequest) }
    var fields = HTTPFields()
    for (name, value) in head.headers {
      guard let name = HTTPField.Name(name) else { throw HTTPError(.badRequest) }
      fields.append(HTTPField(name: name, value: value))
    }
    let query = head.uri.firstIndex(of: "?").map { String(head.uri[$0...]) } ?? ""
    self.init(method: method, scheme: nil, authority: nil, path: path + query, headerFields: fields)
  }
}

extension HTTPResponseHead {
  fileprivate init(_ response: HTTPResponse) {
    var headers = HTTPHeaders()
    for field in response.headerFields { headers.add(name: field.name.rawName, value: field.value) }
    self.init(version: .http1_1, status: HTTPResponseStatus(statusCode: response.status.code), headers: headers)
  }
}
