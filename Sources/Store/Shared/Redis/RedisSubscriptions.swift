import NIOCore
import Synchronization
import Wire

/// The connection for subscriptions: asks for the channels that somebody wants, and hands over what comes.
final class RedisSubscriptions: RedisLineUser {
  /// Shared with whoever subscribes, on any thread.
  final class Audience: Sendable {
    let subscribers = Mutex(Subscribers())
    let problem = Mutex<String?>("it is not connected yet")
  }

  /// How often the server is asked for a sign of life, and how long one may take.
  private static let interval = TimeAmount.seconds(1)

  private let line: RedisLine
  private let audience: Audience
  private let ping = RedisCommand("PING").bytes
  private var ledger = SubscriptionLedger()
  private var tick: LazyDeadline?
  private var isWaitingForPong = false

  init(_ line: RedisLine, audience: Audience) {
    self.line = line
    self.audience = audience
    line.user = self
  }

  func begin(finished: EventLoopPromise<Void>) {
    tick = LazyDeadline(loop: line.loop) { [weak self] in self?.ticked() }
    line.begin(finished: finished)
  }

  func stop() {
    line.stop()
  }

  // MARK: What subscribers do

  func added(_ id: Int, to channel: String) {
    guard let handler = audience.subscribers.withLock({ $0.join(id, channel) }) else { return }
    if ledger.isInPlace(channel) {
      handler(.resumed)
    } else if line.isUp, ledger.want(channel) {
      send("SUBSCRIBE", channel)
    }
  }

  func removed(from channel: String) {
    let isWanted = audience.subscribers.withLock { $0.isWanted(channel) }
    if !isWanted, line.isUp, ledger.leave(channel) { send("UNSUBSCRIBE", channel) }
  }

  // MARK: What the line brings

  func lineCameUp() {
    audience.problem.withLock { $0 = nil }
    isWaitingForPong = false
    tick?.set(.now() + Self.interval)
    for channel in audience.subscribers.withLock({ $0.channels }) where ledger.want(channel) {
      send("SUBSCRIBE", channel)
    }
  }

  func lineWentDown(_ problem: String) {
    audience.problem.withLock { $0 = problem }
    ledger.removeAll()
    tick?.cancel()
  }

  /// Source: Redis documentation, "Pub/sub", format of pushed messages.
  func received(_ reply: RESPValue) {
    guard case .array(let parts) = reply, case .bytes(let kind)? = parts.first else { return receivedPlain(reply) }
    switch (String(decoding: kind, as: UTF8.self), parts.dropFirst().first, parts.last) {
    case ("message", .bytes(let channel)?, .bytes(let message)?): tell(channel, .message(message))
    case ("subscribe", .bytes(let channel)?, _), ("unsubscribe", .bytes(let channel)?, _):
      if ledger.confirm(String(decoding: channel, as: UTF8.self)) { tell(channel, .resumed) }
    case ("pong", _, _): isWaitingForPong = false
    default: line.fail("it says what nobody asked for")
    }
  }

  func receivedAll() {
    isWaitingForPong = false
  }

  /// While there is no subscription a sign of life is an ordinary reply; so is the refusal of a subscription.
  private func receivedPlain(_ reply: RESPValue) {
    switch reply {
    case .text: isWaitingForPong = false
    case .error(let words): line.fail("Redis says: " + String(decoding: words.prefix(200), as: UTF8.self))
    default: line.fail("it says what nobody asked for")
    }
  }

  private func tell(_ channel: [UInt8], _ event: SharedEvent) {
    let name = String(decoding: channel, as: UTF8.self)
    for handler in audience.subscribers.withLock({ $0.handlers(of: name) }) { handler(event) }
  }

  private func ticked() {
    guard !isWaitingForPong else { return line.fail("it does not answer any more") }
    isWaitingForPong = true
    line.send(ByteBuffer(bytes: ping))
    tick?.set(.now() + Self.interval)
  }

  private func send(_ verb: RedisCommand.Word, _ channel: String) {
    line.send(ByteBuffer(bytes: RedisCommand(verb, .text(channel)).bytes))
  }
}
