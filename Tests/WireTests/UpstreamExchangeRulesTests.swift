import Testing
import Wire

@Suite("An exchange ends once, and a connection is used again only when that is safe")
struct UpstreamExchangeRulesTests {
  /// What can happen to a connection.
  enum Event: Sendable, CaseIterable {
    case begin, wrote, headKeepAlive, headClose, body, end, closed, garbage, expired, cancel

    /// Tells the exchange; nil where it has nothing to say.
    func happen(to exchange: inout UpstreamExchange) -> UpstreamExchange.Action? {
      switch self {
      case .begin: exchange.begin()
      case .wrote: exchange.wroteRequest()
      case .headKeepAlive: return exchange.receivedHead(keepAlive: true)
      case .headClose: return exchange.receivedHead(keepAlive: false)
      case .body: return exchange.receivedBody()
      case .end: return exchange.receivedEnd()
      case .closed: return exchange.ended(problem: nil)
      case .garbage: return exchange.ended(problem: "not HTTP")
      case .expired: return exchange.expired()
      case .cancel: return exchange.cancel()
      }
      return nil
    }
  }

  /// What an observer of the events and the actions knows, to hold the exchange to.
  struct Observer {
    var isClosed = false
    var isWaiting = false
    var hasHead = false
    var isWritten = false
    var isKeptAlive = false
    var served = 0
    var path: [Event] = []

    /// Takes part in one event; returns what is wrong with the action, or nil.
    mutating func see(_ event: Event, _ action: UpstreamExchange.Action?) -> String? {
      path.append(event)
      if event == .begin { (isWaiting, hasHead, isWritten, isKeptAlive) = (true, false, false, false) }
      if event == .wrote { isWritten = true }
      guard let action else { return nil }
      if isClosed { return action == .ignore ? nil : "acted after the end" }
      switch action {
      case .deliver: return deliver(event)
      case .finish(let reuse): return finish(reuse)
      case .fail: return end(isWaiting ? nil : "failed what had not begun")
      // Whoever waits must hear of it, unless it was his own wish.
      case .close: return end(isWaiting && event != .cancel ? "closed without a word to the receiver" : nil)
      case .ignore: return "ignored while it was open"
      }
    }

    private mutating func deliver(_ event: Event) -> String? {
      guard isWaiting else { return "delivered what nobody had asked for" }
      switch event {
      case .headKeepAlive, .headClose:
        defer { (hasHead, isKeptAlive) = (true, event == .headKeepAlive) }
        return hasHead ? "delivered a second head" : nil
      case .body: return hasHead ? nil : "delivered a body without a head"
      default: return "delivered \(event)"
      }
    }

    private mutating func finish(_ reuse: Bool) -> String? {
      defer { (isWaiting, hasHead, isClosed, served) = (false, false, !reuse, served + 1) }
      guard isWaiting, hasHead else { return "finished what had not begun" }
      return reuse == (isKeptAlive && isWritten) ? nil : "reuse is \(reuse)"
    }

    private mutating func end(_ problem: String?) -> String? {
      (isWaiting, hasHead, isClosed) = (false, false, true)
      return problem
    }

    /// What the exchange says of itself that is not so, or nil.
    func disagreement(with exchange: UpstreamExchange) -> String? {
      if exchange.isIdle != (!isClosed && !isWaiting) { return "isIdle is \(exchange.isIdle)" }
      if exchange.hasHead != hasHead { return "hasHead is \(exchange.hasHead)" }
      let mayRetry = isWaiting && !hasHead && served > 0 && !isWritten
      return exchange.mayRetry == mayRetry ? nil : "mayRetry is \(exchange.mayRetry)"
    }
  }

  @Test("Whatever happens in whatever order, six events long, the rules hold")
  func everySequence() {
    var steps = 0
    explore(UpstreamExchange(), Observer(), length: 6, &steps)
    #expect(steps > 500_000, "\(steps) steps were taken")
  }

  @Test("The same for seven events after a first answer", arguments: [Event.headKeepAlive])
  func everySequenceOnReuse(head: Event) {
    var exchange = UpstreamExchange()
    var observer = Observer()
    for event in [Event.begin, .wrote, head, .end] {
      #expect(observer.see(event, event.happen(to: &exchange)) == nil)
    }
    var steps = 0
    explore(exchange, observer, length: 5, &steps)
    #expect(steps > 50_000, "\(steps) steps were taken")
  }

  private func explore(_ exchange: UpstreamExchange, _ observer: Observer, length: Int, _ steps: inout Int) {
    guard length > 0 else { return }
    for event in Event.allCases where event != .begin || exchange.isIdle {
      var exchange = exchange
      var observer = observer
      steps += 1
      let problem = observer.see(event, event.happen(to: &exchange)) ?? observer.disagreement(with: exchange)
      // An expectation per step would be a million records.
      if let problem { Issue.record("\(problem) after \(observer.path)") }
      explore(exchange, observer, length: length - 1, &steps)
    }
  }

  /// A course of events and the actions it must bring, `nil` where nothing is asked.
  struct Scenario: Sendable, CustomTestStringConvertible {
    let name: String
    let steps: [(Event, UpstreamExchange.Action?)]
    var testDescription: String { name }
  }

  static let scenarios = [
    Scenario(
      name: "an answer in pieces, then another on the same connection",
      steps: [
        (.begin, nil), (.wrote, nil), (.headKeepAlive, .deliver), (.body, .deliver), (.body, .deliver),
        (.end, .finish(reuse: true)), (.begin, nil), (.wrote, nil), (.headKeepAlive, .deliver),
        (.end, .finish(reuse: true)),
      ]),
    Scenario(
      name: "the server refuses to keep the connection",
      steps: [
        (.begin, nil), (.wrote, nil), (.headClose, .deliver), (.body, .deliver), (.end, .finish(reuse: false)),
        (.closed, .ignore),
      ]),
    Scenario(
      name: "kept alive once, refused the second time",
      steps: [
        (.begin, nil), (.wrote, nil), (.headKeepAlive, .deliver), (.end, .finish(reuse: true)), (.begin, nil),
        (.wrote, nil), (.headClose, .deliver), (.end, .finish(reuse: false)),
      ]),
    Scenario(
      name: "answered before the request is whole",
      steps: [(.begin, nil), (.headKeepAlive, .deliver), (.body, .deliver), (.end, .finish(reuse: false))]),
    Scenario(
      name: "answered while the request's last byte leaves",
      steps: [(.begin, nil), (.headKeepAlive, .deliver), (.wrote, nil), (.end, .finish(reuse: true))]),
    Scenario(
      name: "written only after the answer's end",
      steps: [
        (.begin, nil), (.headKeepAlive, .deliver), (.end, .finish(reuse: false)), (.wrote, nil), (.closed, .ignore),
      ]),
    Scenario(name: "closed when idle", steps: [(.closed, .close), (.closed, .ignore)]),
    Scenario(
      name: "closed before the head", steps: [(.begin, nil), (.wrote, nil), (.closed, .fail(.closedBeforeHead))]),
    Scenario(
      name: "closed after the head",
      steps: [(.begin, nil), (.headKeepAlive, .deliver), (.closed, .fail(.cut("connection closed")))]),
    Scenario(
      name: "closed in the body",
      steps: [(.begin, nil), (.headClose, .deliver), (.body, .deliver), (.closed, .fail(.cut("connection closed")))]),
    Scenario(
      name: "not HTTP", steps: [(.begin, nil), (.garbage, .fail(.invalid("not HTTP"))), (.closed, .ignore)]),
    Scenario(
      name: "not HTTP in the body",
      steps: [(.begin, nil), (.headKeepAlive, .deliver), (.garbage, .fail(.invalid("not HTTP")))]),
    Scenario(
      name: "two heads",
      steps: [
        (.begin, nil), (.wrote, nil), (.headKeepAlive, .deliver),
        (.headKeepAlive, .fail(.invalid("a second answer inside the first"))), (.body, .ignore), (.end, .ignore),
      ]),
    Scenario(name: "a head when idle", steps: [(.headKeepAlive, .close), (.body, .ignore), (.end, .ignore)]),
    Scenario(name: "a body when idle", steps: [(.body, .close), (.end, .ignore)]),
    Scenario(name: "an end when idle", steps: [(.end, .close), (.closed, .ignore)]),
    Scenario(
      name: "a body before the head", steps: [(.begin, nil), (.body, .fail(.invalid("a body before its head")))]),
    Scenario(
      name: "an end before the head", steps: [(.begin, nil), (.end, .fail(.invalid("a body before its head")))]),
    Scenario(name: "no answer in time", steps: [(.begin, nil), (.wrote, nil), (.expired, .fail(.responseTimeout))]),
    Scenario(
      name: "no more of the answer in time",
      steps: [(.begin, nil), (.headKeepAlive, .deliver), (.body, .deliver), (.expired, .fail(.idleTimeout))]),
    Scenario(name: "unused for too long", steps: [(.expired, .close), (.expired, .ignore)]),
    Scenario(name: "cancelled before the head", steps: [(.begin, nil), (.cancel, .close), (.headClose, .ignore)]),
    Scenario(
      name: "cancelled in the body",
      steps: [(.begin, nil), (.headClose, .deliver), (.cancel, .close), (.end, .ignore)]),
    Scenario(name: "retired when idle", steps: [(.cancel, .close), (.cancel, .ignore), (.closed, .ignore)]),
  ]

  @Test("Scenarios", arguments: scenarios)
  func scenario(_ scenario: Scenario) {
    var exchange = UpstreamExchange()
    for (position, step) in scenario.steps.enumerated() {
      #expect(step.0.happen(to: &exchange) == step.1, "step \(position), \(step.0)")
    }
  }

  @Test(
    "A request may go out again only on a connection that had served, and before it was written whole",
    arguments: [
      ([.begin], false), ([.begin, .wrote], false), ([.begin, .wrote, .headKeepAlive, .end], false),
      ([.begin, .wrote, .headKeepAlive, .end, .begin], true),
      ([.begin, .wrote, .headKeepAlive, .end, .begin, .wrote], false),
      ([.begin, .wrote, .headKeepAlive, .end, .begin, .headKeepAlive], false),
      ([.begin, .wrote, .headKeepAlive, .end, .begin, .closed], false),
      ([.begin, .wrote, .headKeepAlive, .end, .begin, .wrote, .headKeepAlive, .end, .begin], true),
    ] as [([Event], Bool)])
  func retry(events: [Event], mayRetry: Bool) {
    var exchange = UpstreamExchange()
    for event in events { _ = event.happen(to: &exchange) }
    #expect(exchange.mayRetry == mayRetry)
  }
}
