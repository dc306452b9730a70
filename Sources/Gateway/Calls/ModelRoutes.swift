package import Kernel
package import NIOCore
package import NIOHTTP1
package import Web
import Wire

/// The way of the model routes: on the connection's own event loop, with the provider's connection on the same loop.
///
/// Requests for other routes pass by untouched.
package final class ModelRoutes: ChannelInboundHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias InboundOut = HTTPServerRequestPart

  private enum Phase {
    /// No request, or one that is not for here.
    case passing
    case receiving(ModelOperation)
    case calling(ModelCall)
  }

  private let door: FrontDoor
  private let catalog: Live<ModelCatalog>
  private let pools: UpstreamPools
  private let metrics: Metrics
  private let keepAlive: TimeAmount
  private var phase = Phase.passing
  private var body = ByteBuffer()

  /// The way behind `door`, with the connections of its loop.
  ///
  /// A silent stream gets a comment every `keepAlive`, so that nothing between takes it for dead.
  package init(
    door: FrontDoor, catalog: Live<ModelCatalog>, pools: UpstreamPools, metrics: Metrics,
    keepAlive: TimeAmount = .seconds(15)
  ) {
    self.door = door
    self.catalog = catalog
    self.pools = pools
    self.metrics = metrics
    self.keepAlive = keepAlive
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), phase) {
    case (.head(let head), _):
      guard let operation = door.record.route.flatMap(ModelOperation.init) else {
        phase = .passing
        return context.fireChannelRead(data)
      }
      phase = .receiving(operation)
      let announced = head.headers.first(name: "content-length").flatMap(Int.init) ?? 0
      body = context.channel.allocator.buffer(capacity: min(announced, ModelCall.heldBytes))
    case (.body(var piece), .receiving):
      body.writeBuffer(&piece)
    case (.end, .receiving(let operation)):
      let whole = body
      body = ByteBuffer()
      call(operation, whole, context)
    case (_, .passing):
      context.fireChannelRead(data)
    case (_, .calling):
      break
    }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch (event, phase) {
    case (is FrontDoor.Abandoned, .calling(let call)):
      call.cancel()
    case (is FrontDoor.Abandoned, .receiving):
      phase = .passing
      body = ByteBuffer()
    case (ChannelEvent.inputClosed, .calling(let call)):
      // Half a connection is taken for none: whoever asks a model stays to listen.
      call.cancel()
      context.close(promise: nil)
    default: break
    }
    context.fireUserInboundEventTriggered(event)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if case .calling(let call) = phase, context.channel.isWritable { call.clientIsReady() }
    context.fireChannelWritabilityChanged()
  }

  private func call(_ operation: ModelOperation, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
    phase = .passing
    do throws(Failure) {
      let request = try ModelRequest(body, for: operation)
      guard let model = catalog.current[request.model], let target = model.pickTarget() else {
        throw Failure(
          .notFound, reason: "model_not_found", "The model '\(request.model.clipped(to: 128))' does not exist here.",
          details: [Failure.Detail(field: "model", problem: "is not one that is configured")])
      }
      door.record.model = model.name
      door.record.provider = target.endpoint.provider
      door.record.isStream = request.wantsStream
      let origin = try target.endpoint.origin(for: operation)
      let upstream = UpstreamRequest(
        operation, at: target.endpoint, record: door.record, body: request.body(body, askingFor: target.model))
      let call = ModelCall(
        target, door: door, metrics: metrics, context: context, keepAlive: keepAlive,
        onOver: { [weak self] in self?.phase = .passing })
      phase = .calling(call)
      call.upstream = pools.pool(for: origin, limits: target.endpoint.limits).start(upstream, for: call)
    } catch {
      door.refuse(error)
    }
  }
}
