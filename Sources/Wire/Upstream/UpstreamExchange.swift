/// The life of one upstream connection, as pure state: what came in, what is to be done.
///
/// ```
/// idle ──begin──▶ awaitingHead ──head──▶ inBody ──end──▶ idle (reusable) or closed
///   └────────────────── anything unexpected ───────────────▶ closed
/// ```
package struct UpstreamExchange: Sendable, Equatable {
  private enum Phase { case idle, awaitingHead, inBody, closed }

  /// What the connection is to do.
  package enum Action: Sendable, Equatable {
    /// Hand it to the receiver.
    case deliver
    /// The answer is whole: tell the receiver, then keep the connection or close it.
    case finish(reuse: Bool)
    /// Tell the receiver that the answer failed, and close.
    case fail(UpstreamFault)
    /// Nobody waits for this connection's bytes: close it.
    case close
    /// It is over already.
    case ignore
  }

  private var phase = Phase.idle
  private var isWritten = false
  private var mayReuse = true
  private var served = 0

  /// A connection that has just been opened.
  package init() {}

  /// Whether a request may begin.
  package var isIdle: Bool { phase == .idle }

  /// Whether an answer has begun.
  package var hasHead: Bool { phase == .inBody }

  /// Whether the request can be sent again on another connection: this one had served before, and was closed by its
  /// server before the request was written whole. What is not whole cannot have been acted on, nor billed.
  package var mayRetry: Bool { phase == .awaitingHead && served > 0 && !isWritten }

  /// A request is being written; only when `isIdle`.
  package mutating func begin() {
    phase = .awaitingHead
    isWritten = false
    mayReuse = true
  }

  /// The request's last byte was taken by the system.
  package mutating func wroteRequest() {
    isWritten = true
  }

  /// The head of an answer came.
  package mutating func receivedHead(keepAlive: Bool) -> Action {
    switch phase {
    case .awaitingHead:
      phase = .inBody
      mayReuse = keepAlive
      return .deliver
    case .idle: return shut(.close)
    case .inBody: return shut(.fail(.invalid("a second answer inside the first")))
    case .closed: return .ignore
    }
  }

  /// A piece of the body came.
  package mutating func receivedBody() -> Action {
    switch phase {
    case .inBody: .deliver
    case .awaitingHead: shut(.fail(Self.headless))
    case .idle: shut(.close)
    case .closed: .ignore
    }
  }

  /// The answer's end came. A connection whose request is not written whole, or that brought more than the answer,
  /// cannot serve another.
  package mutating func receivedEnd(bringsMore: Bool = false) -> Action {
    switch phase {
    case .inBody:
      served += 1
      let reuse = mayReuse && isWritten && !bringsMore
      phase = reuse ? .idle : .closed
      return .finish(reuse: reuse)
    case .awaitingHead: return shut(.fail(Self.headless))
    case .idle: return shut(.close)
    case .closed: return .ignore
    }
  }

  /// The connection ended, or what came on it was not HTTP (`problem`).
  package mutating func ended(problem: String?) -> Action {
    switch phase {
    case .idle: shut(.close)
    case .awaitingHead: shut(.fail(problem.map(UpstreamFault.invalid) ?? .closedBeforeHead))
    case .inBody: shut(.fail(problem.map(UpstreamFault.invalid) ?? .cut("connection closed")))
    case .closed: .ignore
    }
  }

  /// A time limit passed.
  package mutating func expired() -> Action {
    switch phase {
    case .idle: shut(.close)
    case .awaitingHead: shut(.fail(.responseTimeout))
    case .inBody: shut(.fail(.idleTimeout))
    case .closed: .ignore
    }
  }

  /// The receiver has gone.
  package mutating func cancel() -> Action {
    phase == .closed ? .ignore : shut(.close)
  }

  private static let headless = UpstreamFault.invalid("a body before its head")

  private mutating func shut(_ action: Action) -> Action {
    phase = .closed
    return action
  }
}
