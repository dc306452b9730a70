package import Kernel
package import NIOCore
import NIOPosix
package import Web
package import Wire

/// The way of the model routes: on the connection's own event loop, with the provider's connection on the same loop.
package final class ModelRoutes: Way {
  private enum Phase {
    case idle
    case receiving(ModelOperation)
    /// A large body is read on a thread of its own; what comes of it counts only while this is its number.
    case reading(Int)
    case calling(ModelCall)
  }

  /// Larger bodies are read away from the event loop, which serves others meanwhile.
  private static let readInPlaceBytes = 256 << 10

  private let catalog: Live<ModelCatalog>
  private let pools: UpstreamPools
  private let metrics: Metrics
  private let keepAlive: TimeAmount
  private var phase = Phase.idle
  private var body = ByteBuffer()
  private var announcedBytes = 0
  private var readings = 0

  /// The way of one connection, with the upstream connections of its loop.
  ///
  /// A silent stream gets a comment every `keepAlive`, so that nothing between takes it for dead.
  package init(
    catalog: Live<ModelCatalog>, pools: UpstreamPools, metrics: Metrics, keepAlive: TimeAmount = .seconds(15)
  ) {
    self.catalog = catalog
    self.pools = pools
    self.metrics = metrics
    self.keepAlive = keepAlive
  }

  /// Begins to gather a request.
  package func begin(_ head: RequestHead, at door: FrontDoor) {
    guard let operation = door.record.route.flatMap(ModelOperation.init) else {
      return door.refuse(Failure(.internalError, "A route of models that asks for nothing."))
    }
    phase = .receiving(operation)
    announcedBytes = head.contentLength ?? 0
    body = ByteBuffer()
  }

  /// Gathers a piece of its body.
  package func receive(_ piece: ByteBuffer) {
    if body.readableBytes > 0 {
      // What was announced is believed once a good part of it has come: then the body need not grow step by step.
      if body.writableBytes < piece.readableBytes { body.reserveCapacity(announcedBytes) }
      body.writeImmutableBuffer(piece)
    } else if piece.readableBytes == announcedBytes {
      body = piece
    } else {
      body = ByteBufferAllocator().buffer(capacity: max(piece.readableBytes, min(announcedBytes, ModelCall.heldBytes)))
      body.writeImmutableBuffer(piece)
    }
  }

  /// Answers it.
  package func answer(at door: FrontDoor) {
    guard case .receiving(let operation) = phase else { return }
    let whole = body
    body = ByteBuffer()
    if whole.readableBytes <= Self.readInPlaceBytes {
      phase = .idle
      call(operation, whole, Result { () throws(Failure) in try ModelRequest(whole, for: operation) }, door)
    } else {
      readAside(operation, whole, door)
    }
  }

  /// Gives it up.
  package func abandon() {
    let left = phase
    phase = .idle
    body = ByteBuffer()
    if case .calling(let call) = left { call.cancel() }
  }

  /// Reads on, where that waited for the client.
  package func clientIsReady() {
    if case .calling(let call) = phase { call.clientIsReady() }
  }

  /// Decides whether the client still listens.
  package func clientStoppedSending(at door: FrontDoor) {
    // Half a connection is taken for none: whoever asks a model stays to listen.
    abandon()
    door.close()
  }

  private func readAside(_ operation: ModelOperation, _ body: ByteBuffer, _ door: FrontDoor) {
    guard let loop = door.eventLoop else { return }
    readings += 1
    let reading = readings
    phase = .reading(reading)
    let bound = NIOLoopBound((self, door), eventLoop: loop)
    let request = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
      let began = NIODeadline.now()
      let request = Result { () throws(Failure) in try ModelRequest(body, for: operation) }
      return (request: request, work: NIODeadline.now() - began)
    }
    request.whenComplete { result in
      let (routes, door) = bound.value
      guard case .reading(reading) = routes.phase else { return }
      routes.phase = .idle
      door.record.work.begin()
      defer { door.record.work.pause() }
      switch result {
      case .success(let read):
        door.record.work.add(read.work)
        routes.call(operation, body, read.request, door)
      case .failure:
        // The threads stop with the process alone.
        door.refuse(Failure(.unavailable, "Apus is stopping."))
      }
    }
  }

  private func call(
    _ operation: ModelOperation, _ body: ByteBuffer, _ request: Result<ModelRequest, Failure>, _ door: FrontDoor
  ) {
    do throws(Failure) {
      let request = try request.get()
      guard let model = catalog.current[request.model], let target = model.pickTarget() else {
        throw Failure(
          .notFound, reason: "model_not_found", "The model '\(request.model.clipped(to: 128))' does not exist here.",
          details: [Failure.Detail(field: "model", problem: "is not one that is configured")])
      }
      guard door.record.principal?.mayUse(model.name) ?? true else {
        throw Failure(
          .forbidden, reason: "model_not_allowed", "This key may not use the model '\(model.name.clipped(to: 128))'.",
          details: [Failure.Detail(field: "model", problem: "is not one that this key may use")])
      }
      door.record.model = model.name
      door.record.provider = target.endpoint.provider
      door.record.isStream = request.wantsStream
      let origin = try target.endpoint.origin(for: operation)
      let upstream = UpstreamRequest(
        operation, at: target.endpoint, record: door.record, body: request.body(body, askingFor: target.model))
      let call = ModelCall(target, door: door, metrics: metrics, keepAlive: keepAlive) { [weak self] in
        self?.phase = .idle
      }
      phase = .calling(call)
      call.upstream = pools.pool(for: origin, limits: target.endpoint.limits).start(upstream, for: call)
    } catch {
      door.refuse(error)
    }
  }
}
