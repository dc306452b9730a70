import Kernel
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Wire

/// Who uses a `RedisLine`; called on its event loop.
protocol RedisLineUser: AnyObject {
  func lineCameUp()
  func lineWentDown(_ problem: String)
  func received(_ reply: RESPValue)
  /// Bytes arrived, and the replies that are whole have been handed over.
  func receivedAll()
}

/// One connection to Redis that is kept standing: does what `RedisLink` says. Used on its event loop alone.
final class RedisLine {
  weak var user: (any RedisLineUser)?
  let loop: any EventLoop
  private let location: RedisLocation
  private let tls: RedisTLS?
  private let figures: SharedMemoryFigures
  private let logger: Logger
  private var finished: EventLoopPromise<Void>?

  private var link = RedisLink()
  private var timer: LazyDeadline?
  private var channel: (any Channel)?
  private var reader = RESPReader()
  /// Replies to greetings that are still to come; the first is the password's, if there is one.
  private var greetingCount = 0
  private var wasUp = false
  private var hasBeenUp = false
  /// What the log said last, and when; nil when it said that all is well.
  private var logged: (problem: String, time: NIODeadline)?

  init(
    _ location: RedisLocation, tls: RedisTLS?, loop: any EventLoop, figures: SharedMemoryFigures, logger: Logger
  ) {
    self.location = location
    self.tls = tls
    self.loop = loop
    self.figures = figures
    self.logger = logger
  }

  var isUp: Bool { link.state == .up }

  /// Connects, again and again, until it is stopped; `finished` succeeds when nothing is open any more.
  func begin(finished: EventLoopPromise<Void>) {
    guard link.state != .stopped else { return finished.succeed() }
    self.finished = finished
    timer = LazyDeadline(loop: loop) { [weak self] in self?.receive(.timer) }
    receive(.begin)
  }

  func stop() {
    receive(.stop)
  }

  /// Gives up the connection that stands; another one follows.
  func fail(_ problem: String) {
    receive(.failed(problem))
  }

  /// Says in the log what is wrong with a connection that stays.
  func complain(_ problem: String) {
    warn("Redis does not do what it is asked", problem)
  }

  func send(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
    guard let channel else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
    channel.writeAndFlush(bytes, promise: promise)
  }

  // MARK: What the channel brings

  func arrived(_ bytes: ByteBuffer) {
    var replies: [RESPValue] = []
    do throws(RESPSyntaxError) {
      let result = bytes.withUnsafeReadableBytes { bytes in
        Result { () throws(RESPSyntaxError) in try reader.read(bytes, into: &replies) }
      }
      replies.forEach(take)
      try result.get()
    } catch {
      fail("it speaks no Redis: \(error)")
    }
    user?.receivedAll()
  }

  func closed() {
    channel = nil
    receive(.closed)
  }

  private func take(_ reply: RESPValue) {
    switch link.state {
    case .up: user?.received(reply)
    case .greeting: takeGreeting(reply)
    default: break  // nobody waits for it any more
    }
  }

  // MARK: Greeting

  private func greet() {
    var greetings: [RedisCommand] = []
    if let password = location.password?.reveal() {
      let words: [RedisCommand.Word] = [.text(password)]
      greetings.append(RedisCommand(["AUTH"] + (location.user.map { [.text($0)] } ?? []) + words))
    }
    if location.database != 0 { greetings.append(RedisCommand("SELECT", .number(location.database))) }
    greetings.append(RedisCommand("PING"))
    greetingCount = greetings.count
    send(ByteBuffer(bytes: greetings.flatMap(\.bytes)))
  }

  private func takeGreeting(_ reply: RESPValue) {
    let isPassword = location.password != nil && greetingCount == (location.database == 0 ? 2 : 3)
    if case .error(let words) = reply {
      let text = String(decoding: words.prefix(200), as: UTF8.self)
      // Of the password's only the first word: nothing that was sent may come back through a server's mouth.
      fail(
        isPassword
          ? "Redis refuses the user or the password (\(text.prefix { $0 != " " }.prefix(20)))" : "Redis says: \(text)")
    } else {
      greetingCount -= 1
      if greetingCount == 0 { receive(.greeted) }
    }
  }

  // MARK: Acting

  private func receive(_ event: RedisLink.Event) {
    for action in link.receive(event, jitter: .random(in: 0..<1)) {
      switch action {
      case .connect: connect()
      case .greet: greet()
      case .announce: announce()
      case .trust: trust()
      case .withdraw(let problem): withdraw(problem)
      case .close: close()
      case .wake(let pause): timer?.set(pause.map { .now() + $0 })
      case .finish:
        timer?.cancel()
        finished?.succeed()
      }
    }
  }

  private func announce() {
    wasUp = true
    figures.connections.add(1)
    if hasBeenUp { figures.reconnects.add() } else { logConnected() }
    hasBeenUp = true
    user?.lineCameUp()
  }

  private func trust() {
    if logged != nil { logConnected() }
    logged = nil
  }

  private func logConnected() {
    logger.info("connected to Redis", metadata: ["location": "\(location)"])
  }

  private func withdraw(_ problem: String) {
    if wasUp { figures.connections.add(-1) }
    wasUp = false
    warn("no connection to Redis", problem)
    user?.lineWentDown(problem)
  }

  /// Says what is wrong, and the same thing again after a minute at the earliest.
  private func warn(_ message: Logger.Message, _ problem: String) {
    let now = NIODeadline.now()
    if let logged, logged.problem == problem, now < logged.time + .minutes(1) { return }
    logged = (problem, now)
    logger.warning(message, metadata: ["location": "\(location)", "problem": "\(problem)"])
  }

  private func close() {
    guard let channel else { return receive(.closed) }
    // Past the TLS handler, which would wait for a farewell from a server that may not speak any more.
    if let context = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
      context.close(promise: nil)
    } else {
      channel.close(promise: nil)
    }
  }

  private func connect() {
    reader = RESPReader()
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(RedisLink.connectTimeout)
      .channelOption(.autoRead, value: false)
    let connected =
      switch location.origin.address {
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      case .tcp(let host, let port):
        bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
      }
    connected.assumeIsolated().whenComplete { [self] result in
      do {
        try attach(result.get())
        receive(.opened)
      } catch {
        receive(.notOpened(Self.words(for: error)))
      }
    }
  }

  /// A name with several addresses is tried on several channels: only the one that won gets the handlers.
  private func attach(_ channel: any Channel) throws {
    do {
      guard channel.isActive else { throw ChannelError.alreadyClosed }
      let pipeline = channel.pipeline.syncOperations
      if let tls { try pipeline.addHandler(tls.makeHandler()) }
      try pipeline.addHandler(RedisHandler(line: self))
      self.channel = channel
      try channel.syncOptions?.setOption(.autoRead, value: true)
      if self.channel == nil { throw ChannelError.alreadyClosed }
    } catch {
      self.channel = nil
      channel.close(promise: nil)
      throw error
    }
  }

  static func words(for error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { words(for: $0.error) } ?? "its name is not known"
    case ChannelError.connectTimeout: "it cannot be reached in time"
    default: "\(error)"
    }
  }
}

/// Hands over what a connection brings.
private final class RedisHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let line: RedisLine

  init(line: RedisLine) {
    self.line = line
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    line.arrived(unwrapInboundIn(data))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    line.fail(RedisLine.words(for: error))
  }

  func channelInactive(context: ChannelHandlerContext) {
    line.closed()
  }
}
