import HTTPTypes
package import Hummingbird
package import Kernel
package import Logging
package import NIOCore
import NIOHTTP1
package import Wire

/// What an endpoint's handler knows about its request.
package struct ApusContext: RequestContext {
  /// What the context is made from.
  package struct Source: RequestContextSource {
    /// Where handlers log.
    package let logger: Logger
    let requestID: String
    let caller: Caller?
  }

  /// What Hummingbird itself keeps.
  package var coreContext: CoreRequestContextStorage
  /// The id that the answer carries, too.
  package let requestID: String
  /// Who is asking, and their limits; nil on routes that are open to everybody.
  package let caller: Caller?
  /// Who is asking; nil on routes that are open to everybody.
  package var principal: Principal? { caller?.principal }

  /// Takes over what the door found out.
  package init(source: Source) {
    coreContext = CoreRequestContextStorage(source: source)
    requestID = source.requestID
    caller = source.caller
  }
}

/// The way to the endpoints: collects the body (the door bounds it), answers in a task, writes what comes.
package final class RouterBridge: Way {
  private let endpoints: Endpoints
  private let logger: Logger
  private var head: RequestHead?
  private var body = ByteBuffer()
  private var task: Task<Void, Never>?
  /// When the handler was given the request: all until its answer's end is Apus's own work.
  private var began = NIODeadline.now()

  /// A bridge to `endpoints`.
  package init(endpoints: Endpoints, logger: Logger) {
    self.endpoints = endpoints
    self.logger = logger
  }

  /// Begins to gather a request.
  package func begin(_ head: RequestHead, at door: FrontDoor) {
    self.head = head
    body = ByteBuffer()
  }

  /// Gathers a piece of its body.
  package func receive(_ piece: ByteBuffer) {
    // What nobody reads is not kept: anybody may send a body to an open route.
    if head?.method != .GET, head?.method != .HEAD { body.writeImmutableBuffer(piece) }
  }

  /// Answers it.
  package func answer(at door: FrontDoor) {
    guard let head, let loop = door.eventLoop else { return }
    guard let handler = endpoints.handler(of: door.record.route) else {
      return fail(Failure(.internalError, "A route that nothing answers."), door)
    }
    let source = ApusContext.Source(
      logger: logger, requestID: door.record.id, caller: door.record.caller)
    let request: Request
    do {
      request = Request(head: try HTTPRequest(head, path: door.record.path), body: RequestBody(buffer: body))
    } catch {
      return fail(Failure(.invalidRequest, reason: "malformed_request", "A header is malformed."), door)
    }
    body = ByteBuffer()
    began = .now()
    let writer = BridgeWriter(
      bridge: NIOLoopBound(self, eventLoop: loop), door: NIOLoopBound(door, eventLoop: loop), loop: loop)
    task = Task {
      await writer.send(request, ApusContext(source: source), handler)
    }
  }

  /// Gives it up.
  package func abandon() {
    head = nil
    body = ByteBuffer()
    task?.cancel()
    task = nil
  }

  /// Reads on, where that waited for the client.
  package func clientIsReady() {
    // The task waits for each piece to be taken.
  }

  /// Decides whether the client still listens.
  package func clientStoppedSending(at door: FrontDoor) {
    // It may still listen: the answer is not long in coming.
  }

  // MARK: What the task asks, on the event loop

  fileprivate func begin(_ response: HTTPResponse, length: Int?, _ door: FrontDoor) {
    guard head != nil else { return }
    var lines = HeaderLines()
    for field in response.headerFields where !Self.ownedByDoor.contains(field.name) {
      lines.add(name: field.name.rawName, field.value)
    }
    door.writeHead(response.status.code, lines, length: length)
  }

  private static let ownedByDoor: Set<HTTPField.Name> = [.contentLength, .connection, .date, .transferEncoding]

  fileprivate func write(_ piece: ByteBuffer, _ door: FrontDoor, _ loop: any EventLoop) -> EventLoopFuture<Void> {
    guard head != nil else { return loop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
    let written = loop.makePromise(of: Void.self)
    door.writeBody(piece)
    door.flush(promise: written)
    return written.futureResult
  }

  fileprivate func end(_ door: FrontDoor) {
    guard head != nil else { return }
    head = nil
    task = nil
    door.record.work.begin(began)
    door.writeEnd()
  }

  fileprivate func fail(_ failure: Failure, _ door: FrontDoor) {
    guard head != nil else { return }
    head = nil
    task = nil
    door.record.work.begin(began)
    door.refuse(failure)
  }
}

/// The task's side of the bridge: every step hops to the connection's event loop.
private struct BridgeWriter: ResponseBodyWriter, Sendable {
  let bridge: NIOLoopBound<RouterBridge>
  let door: NIOLoopBound<FrontDoor>
  let loop: any EventLoop

  func send(_ request: Request, _ context: ApusContext, _ handler: Endpoint.Handler) async {
    do {
      let response = try await handler(request, context)
      let head = response.head
      let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? response.body.contentLength
      loop.execute { bridge.value.begin(head, length: length, door.value) }
      try await response.body.write(self)
    } catch {
      let failure = Failure(caught: error)
      loop.execute { bridge.value.fail(failure, door.value) }
    }
  }

  func write(_ buffer: ByteBuffer) async throws {
    try await loop.flatSubmit { bridge.value.write(buffer, door.value, loop) }.get()
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
    loop.execute { [bridge, door] in bridge.value.end(door.value) }
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
  fileprivate init(_ head: RequestHead, path: String) throws {
    guard let method = HTTPRequest.Method(head.method.rawValue) else { throw HTTPError(.badRequest) }
    var fields = HTTPFields()
    for (name, value) in head.lines.all {
      guard let name = HTTPField.Name(name) else { throw HTTPError(.badRequest) }
      fields.append(HTTPField(name: name, value: value))
    }
    let query = head.target.firstIndex(of: "?").map { String(head.target[$0...]) } ?? ""
    self.init(method: method, scheme: nil, authority: nil, path: path + query, headerFields: fields)
  }
}
