import Wire

/// The life of an upstream connection: any course of events, a letter each; other letters are passed over.
enum ExchangeSubject {
  static func check(_ letters: UnsafeRawBufferPointer) {
    var exchange = UpstreamExchange()
    var isClosed = false
    var isAnswering = false
    for letter in letters {
      let wasIdle = exchange.isIdle
      guard let action = happen(Character(Unicode.Scalar(letter)), to: &exchange) else { continue }
      expect((action == .ignore) == isClosed, "over is over, not before: \(action)")
      switch action {
      case .deliver:
        expect(!wasIdle, "what nobody asked for is not delivered")
        isAnswering = true
      case .finish(let reuse):
        expect(isAnswering, "what has not begun does not finish")
        (isAnswering, isClosed) = (false, !reuse)
      case .fail, .close: (isAnswering, isClosed) = (false, true)
      case .ignore: break
      }
      expect(exchange.hasHead == isAnswering, "an answer has begun, or has not")
      expect(!isClosed || !exchange.isIdle && !exchange.mayRetry, "a closed connection serves nobody")
    }
  }

  /// Nil where the exchange has nothing to say.
  private static func happen(_ letter: Character, to exchange: inout UpstreamExchange) -> UpstreamExchange.Action? {
    switch letter {
    case "b": if exchange.isIdle { exchange.begin() }
    case "w": exchange.wroteRequest()
    case "h": return exchange.receivedHead(keepAlive: true)
    case "H": return exchange.receivedHead(keepAlive: false)
    case "d": return exchange.receivedBody()
    case "e": return exchange.receivedEnd()
    case "E": return exchange.receivedEnd(bringsMore: true)
    case "c": return exchange.ended(problem: nil)
    case "g": return exchange.ended(problem: "not HTTP")
    case "t": return exchange.expired()
    case "x": return exchange.cancel()
    default: break
    }
    return nil
  }
}
