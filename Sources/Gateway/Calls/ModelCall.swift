import Kernel
import NIOCore
import Web
import Wire

/// One answer on its way down: takes what the provider sends and writes what the client gets.
///
/// Plain answers are held to their end while they are small, so that a broken one can still become an error; large ones
/// and streams pass through.
final class ModelCall: UpstreamReceiver {
  /// Larger plain answers pass through unread.
  static let heldBytes = 1 << 20
  /// How much of the end of a large answer is looked at.
  private static let tailBytes = 4 << 10

  private enum Phase {
    case waiting
    /// A plain answer, gathered.
    case holding(ResponseHead, ByteBuffer)
    /// A large plain answer, passing.
    case passing
    case streaming
    case over
  }

  private let door: FrontDoor
  private let target: ModelCatalog.Target
  private let metrics: Metrics
  private let keepAlive: TimeAmount
  private var phase = Phase.waiting
  private var framer = EventFramer()
  private var sawDone = false
  private var tail = ByteBuffer()
  private var needsFlush = false
  private var silence: LazyDeadline?

  /// Handed over by the pool; cancelling it closes the provider's connection.
  var upstream: UpstreamCall?
  /// Told once, when nothing more will be written.
  private let onOver: () -> Void

  init(
    _ target: ModelCatalog.Target, door: FrontDoor, metrics: Metrics, keepAlive: TimeAmount,
    onOver: @escaping () -> Void
  ) {
    self.target = target
    self.door = door
    self.metrics = metrics
    self.keepAlive = keepAlive
    self.onOver = onOver
  }

  private var provider: String { target.endpoint.provider }

  // MARK: What the client does

  /// The client has gone, or was refused: the provider may stop.
  func cancel() {
    let upstream = upstream
    finish()
    upstream?.cancel()
  }

  /// The client can take more.
  func clientIsReady() {
    upstream?.readMore()
  }

  // MARK: What the provider does

  func upstreamArrived() {
    door.record.work.begin()
  }

  func upstreamHead(_ head: ResponseHead) {
    if let failure = UpstreamFailures.failure(for: head, provider: provider) {
      count(failure.reason ?? failure.code.rawValue)
      return refuse(failure)
    }
    if head.status >= 400 { count("status_\(head.status)") }
    if ModelAnswer.isEventStream(head.lines) { beginStream(head) } else { phase = .holding(head, ByteBuffer()) }
  }

  func upstreamBody(_ piece: ByteBuffer) {
    var piece = piece
    switch phase {
    case .holding(let head, var held):
      phase = .waiting  // so that `held` has one owner, and grows in place
      if held.readableBytes == 0 { held = piece } else { held.writeBuffer(&piece) }
      phase = .holding(head, held)
      if held.readableBytes > Self.heldBytes { beginPassing(head, held) }
    case .passing: pass(piece)
    case .streaming: forward(piece)
    case .waiting, .over: break
    }
  }

  func upstreamPaused() -> Bool {
    if needsFlush {
      needsFlush = false
      door.flush()
    }
    door.record.work.pause()
    return door.isWritable
  }

  func upstreamEnd() {
    upstream = nil
    switch phase {
    case .holding(let head, let held): answer(head, held)
    case .passing:
      door.record.usage = tail.withUnsafeReadableBytes { ModelAnswer.usage(inTail: $0) }
      end()
    case .streaming:
      if sawDone { end() } else { breakOff(.cut("the stream ended without [DONE]")) }
    case .waiting, .over: break
    }
  }

  func upstreamFailed(_ fault: UpstreamFault) {
    upstream = nil
    switch phase {
    case .waiting, .holding:
      count(fault.kind)
      refuse(UpstreamFailures.failure(for: fault, provider: provider))
    case .streaming:
      if sawDone { end() } else { breakOff(fault) }
    case .passing:
      // Its length was promised: only a closed connection tells that it is not whole.
      count(fault.kind)
      door.record.failure = UpstreamFailures.failure(for: fault, provider: provider)
      finish()
      door.close()
    case .over: break
    }
  }

  // MARK: Plain answers

  private func answer(_ head: ResponseHead, _ body: ByteBuffer) {
    do {
      door.record.usage = try body.withUnsafeReadableBytes { try ModelAnswer.usage(in: $0) }
    } catch {
      count("upstream_invalid_response")
      return refuse(UpstreamFailures.notJSON(error, provider: provider))
    }
    writeHead(head.status, passedLines(head), length: body.readableBytes)
    write(body)
    end()
  }

  private func beginPassing(_ head: ResponseHead, _ held: ByteBuffer) {
    phase = .passing
    writeHead(head.status, passedLines(head), length: head.lines.first("content-length").flatMap { Int($0) })
    pass(held)
  }

  /// Passes a piece on, and keeps the end of the answer: what it reports about itself stands there.
  private func pass(_ piece: ByteBuffer) {
    var end = piece
    end.moveReaderIndex(forwardBy: max(0, end.readableBytes - Self.tailBytes))
    tail.writeBuffer(&end)
    tail.moveReaderIndex(forwardBy: max(0, tail.readableBytes - Self.tailBytes))
    tail.discardReadBytes()
    write(piece)
  }

  // MARK: Streams

  private func beginStream(_ head: ResponseHead) {
    phase = .streaming
    door.record.isStream = true
    metrics.openStreams.add(1)
    var lines = passedLines(head)
    lines.add("cache-control", "no-cache")
    lines.add("x-accel-buffering", "no")
    writeHead(head.status, lines, length: nil)
    guard let loop = door.eventLoop else { return }
    silence = LazyDeadline(loop: loop) { [weak self] in self?.keepStreamAlive() }
    silence?.set(.now() + keepAlive)
  }

  private func forward(_ piece: ByteBuffer) {
    do throws(EventFramer.Overflow) {
      guard let events = try framer.feed(piece, visit: { inspect($0) }) else { return }
      silence?.set(.now() + keepAlive)
      write(events)
    } catch {
      upstream?.cancel()
      upstream = nil
      breakOff(.invalid("an event longer than \(EventFramer.maximumEventBytes) bytes"))
    }
  }

  private func inspect(_ event: UnsafeRawBufferPointer) {
    guard let data = EventData.first(of: event) else { return }
    if door.record.firstOutput == nil { door.record.firstOutput = .now() }
    if EventData.isDone(data) {
      sawDone = true
    } else if let usage = ModelAnswer.usage(inEvent: data) {
      door.record.usage = usage
    }
  }

  private func keepStreamAlive() {
    guard case .streaming = phase else { return }
    if door.isWritable {
      write(ByteBuffer(string: ": keep-alive\n\n"))
      door.flush()
      needsFlush = false
    }
    silence?.set(.now() + keepAlive)
  }

  /// Ends a stream so that nobody takes it for whole: an error, and no `[DONE]`.
  private func breakOff(_ fault: UpstreamFault) {
    let failure = UpstreamFailures.failure(for: fault, provider: provider)
    count(fault.kind)
    door.record.failure = failure
    write(ByteBuffer(string: "event: error\ndata: \(ErrorBody.openAI(failure))\n\n"))
    end()
  }

  private func count(_ kind: String) {
    metrics.upstreamErrors.with(provider, kind).add()
  }

  // MARK: Writing

  private func passedLines(_ head: ResponseHead) -> HeaderLines {
    var lines = HeaderLines()
    for name in ModelAnswer.passedHeaders {
      for value in head.lines.all(name) { lines.add(name, value) }
    }
    lines.add("x-apus-model", target.model)
    lines.add("x-apus-provider", provider)
    return lines
  }

  private func writeHead(_ status: Int, _ lines: consuming HeaderLines, length: Int?) {
    lines.add("x-apus-overhead-ms", LogLine.milliseconds(door.record.work.total.nanoseconds))
    door.writeHead(status, lines, length: length)
    needsFlush = true
  }

  private func write(_ piece: ByteBuffer) {
    door.writeBody(piece)
    needsFlush = true
  }

  private func end() {
    if door.record.firstOutput == nil { door.record.firstOutput = .now() }
    let door = door
    finish()
    door.writeEnd()
  }

  private func refuse(_ failure: Failure) {
    let upstream = upstream
    finish()
    upstream?.cancel()
    door.refuse(failure)
  }

  private func finish() {
    if case .over = phase { return }
    if case .streaming = phase { metrics.openStreams.add(-1) }
    phase = .over
    upstream = nil
    silence?.cancel()
    onOver()
  }
}
