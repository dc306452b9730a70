import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// A real `redis-server` on loopback that a test may freeze, kill and start again.
///
/// It keeps nothing, and dies with the test.
package final class RedisServer: Sendable {
  /// Where it listens, also after a restart.
  package let port: Int
  private let arguments: [String]
  private let process = Mutex<pid_t?>(nil)
  /// The system ties the server's life to the thread that starts it; this one lasts.
  private static let loop = MultiThreadedEventLoopGroup.singleton.next()

  private init(port: Int, arguments: [String]) {
    self.port = port
    self.arguments = arguments
  }

  deinit {
    kill()
  }

  /// Starts a server on a free port; `arguments` are more of the program's own: `["--requirepass", "x"]`.
  ///
  /// With the path of a PEM file that holds a key and its certificate it speaks TLS alone.
  package static func start(_ arguments: [String] = [], pem: String? = nil) async throws -> RedisServer {
    let listener = try await ServerBootstrap(group: loop).bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    try await listener.close()
    let tls = pem.map { pem in
      ["--port", "0", "--tls-port", "\(port)", "--tls-auth-clients", "no", "--tls-ca-cert-file", pem]
        + ["--tls-cert-file", pem, "--tls-key-file", pem]
    }
    let server = RedisServer(port: port, arguments: (tls ?? ["--port", "\(port)"]) + arguments)
    try await server.start()
    return server
  }

  /// Starts it again after `kill()`, with nothing in it, and returns when it accepts connections.
  package func start() async throws {
    try await Self.loop.submit { try self.spawn() }.get()
    let deadline = NIODeadline.now() + .seconds(20)
    while true {
      do {
        let channel = try await ClientBootstrap(group: Self.loop).connect(host: "127.0.0.1", port: port).get()
        return try await channel.close()
      } catch {
        guard NIODeadline.now() < deadline else { throw TimeIsUp(waitingFor: "redis-server on port \(port)") }
        try await Self.loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
      }
    }
  }

  /// Lets it stand still with everything it has, connections too: SIGSTOP.
  package func freeze() {
    signal(SIGSTOP)
  }

  /// Lets it go on.
  package func thaw() {
    signal(SIGCONT)
  }

  /// Ends it at once, and waits for its end.
  package func kill() {
    signal(SIGKILL)
    process.withLock { process in
      if let process { waitpid(process, nil, 0) }
      process = nil
    }
  }

  private func signal(_ number: Int32) {
    process.withLock { process in
      if let process { _ = Glibc.kill(process, number) }
    }
  }

  private func spawn() throws {
    let program = ["setpriv", "--pdeathsig", "KILL", "redis-server", "--bind", "127.0.0.1"]
    let words = program + ["--save", "", "--appendonly", "no", "--logfile", "/dev/null"] + arguments
    let texts = words.map { strdup($0) } + [nil]
    defer { texts.forEach { free($0) } }
    var child: pid_t = 0
    let result = posix_spawnp(&child, "setpriv", nil, nil, texts, environ)
    guard result == 0 else { throw IOError(errnoCode: result, reason: "redis-server cannot be started") }
    process.withLock { $0 = child }
  }
}
