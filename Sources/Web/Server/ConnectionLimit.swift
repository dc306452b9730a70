import NIOCore

/// Stops accepting while enough connections are open; further ones wait in the system's queue.
final class ConnectionLimit: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel
  typealias OutboundIn = Never

  private let most: Int
  private var open = 0
  private var isHeldBack = false

  init(most: Int) {
    self.most = most
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    open += 1
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
      let (limit, context) = bound.value
      limit.closed(context)
    }
    context.fireChannelRead(data)
  }

  func read(context: ChannelHandlerContext) {
    if open < most { context.read() } else { isHeldBack = true }
  }

  private func closed(_ context: ChannelHandlerContext) {
    open -= 1
    guard isHeldBack, open < most else { return }
    isHeldBack = false
    context.read()
  }
}
