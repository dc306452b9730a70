package import NIOCore
import NIOSSL
import Wire

/// One event loop's connections to every provider.
package final class UpstreamPools {
  private struct Key: Hashable {
    let origin: UpstreamOrigin
    let limits: UpstreamLimits
  }

  private let loop: any EventLoop
  private let tls: NIOSSLContext
  private var pools: [Key: UpstreamPool] = [:]

  init(loop: any EventLoop, tls: NIOSSLContext) {
    self.loop = loop
    self.tls = tls
  }

  func pool(for origin: UpstreamOrigin, limits: UpstreamLimits) -> UpstreamPool {
    let key = Key(origin: origin, limits: limits)
    if let pool = pools[key] { return pool }
    // Rare: the first request to an origin, or a reload. What an earlier configuration left behind goes.
    pools = pools.filter { $0.value.connectionCount > 0 }
    let pool = UpstreamPool(origin: origin, limits: limits, tls: origin.isSecure ? tls : nil, loop: loop)
    pools[key] = pool
    return pool
  }
}

/// The pools of every loop of a group.
package struct LoopPools: Sendable {
  private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPools>]

  /// Makes the pools, without a connection.
  ///
  /// - Throws: when the system's certificates cannot be read.
  package init(group: any EventLoopGroup) throws {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.applicationProtocols = ["http/1.1"]
    let tls = try NIOSSLContext(configuration: settings)
    var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPools>] = [:]
    for loop in group.makeIterator() {
      pools[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
        UpstreamPools(loop: loop, tls: tls), eventLoop: loop)
    }
    self.pools = pools
  }

  /// The pools of `loop`, to be asked on it.
  package func on(_ loop: any EventLoop) -> UpstreamPools {
    guard let pools = pools[ObjectIdentifier(loop)] else {
      preconditionFailure("a connection on a loop of another group")  // the server and the pools are given one group
    }
    return pools.value
  }
}
