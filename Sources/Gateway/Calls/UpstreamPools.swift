import Kernel
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
  private let tls: Live<NIOSSLContext?>
  private var pools: [Key: UpstreamPool] = [:]

  init(loop: any EventLoop, tls: Live<NIOSSLContext?>) {
    self.loop = loop
    self.tls = tls
  }

  func pool(for origin: UpstreamOrigin, limits: UpstreamLimits) -> UpstreamPool {
    let key = Key(origin: origin, limits: limits)
    if let pool = pools[key] { return pool }
    // Rare: the first request to an origin, or a reload. What an earlier configuration left behind goes.
    pools = pools.filter { $0.value.connectionCount > 0 }
    let pool = UpstreamPool(origin: origin, limits: limits, tls: origin.isSecure ? tls.current : nil, loop: loop)
    pools[key] = pool
    return pool
  }
}

/// The pools of every loop of a group.
package struct LoopPools: Sendable {
  private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPools>]
  private let tls: Live<NIOSSLContext?>

  /// Makes the pools, without a connection. Those to secure origins need `prepareTLS` first.
  package init(group: any EventLoopGroup) {
    let tls = Live<NIOSSLContext?>(nil)
    var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPools>] = [:]
    for loop in group.makeIterator() {
      pools[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
        UpstreamPools(loop: loop, tls: tls), eventLoop: loop)
    }
    self.pools = pools
    self.tls = tls
  }

  /// Reads the system's certificates, once, for a catalog that has secure providers; a start without them spends
  /// neither the 13 ms nor the memory. Never on an event loop.
  ///
  /// - Throws: when the system's certificates cannot be read.
  package func prepareTLS(for catalog: ModelCatalog) throws {
    guard catalog.needsTLS, tls.current == nil else { return }
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.applicationProtocols = ["http/1.1"]
    tls.replace(with: try NIOSSLContext(configuration: settings))
  }

  /// The pools of `loop`, to be asked on it.
  package func on(_ loop: any EventLoop) -> UpstreamPools {
    guard let pools = pools[ObjectIdentifier(loop)] else {
      preconditionFailure("a connection on a loop of another group")  // the server and the pools are given one group
    }
    return pools.value
  }
}
