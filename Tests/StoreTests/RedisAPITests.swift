import Kernel
import NIOCore
import Store
import Synchronization
import TestKit
import Testing
import Wire

@Suite("A Redis that dies, stands still or refuses costs microseconds, and heals", .timeLimit(.minutes(2)), .serialized)
struct RedisAPITests {
  private static func configuration(
    _ server: RedisServer, timeout: Duration = .milliseconds(50), password: String? = nil, database: Int = 0
  ) -> SharedMemoryConfiguration {
    let origin = UpstreamOrigin(.tcp(host: "127.0.0.1", port: server.port))
    let location = RedisLocation(origin: origin, password: password.map { Secret($0) }, database: database)
    return SharedMemoryConfiguration(location: .redis(location), timeout: timeout)
  }

  /// Lets `body` use a server of its own, and a shared memory that works with it.
  private func run(
    _ arguments: [String] = [], _ body: @Sendable (SharedMemory, RedisServer) async throws -> Void
  ) async throws {
    let server = try await RedisServer.start(arguments)
    try await SharedScene.run(Self.configuration(server)) { memory in
      try await eventually("Redis works") { memory.status.isWorking }
      try await body(memory, server)
    }
    server.kill()
  }

  /// Asks, and expects the failure that says it is the shared memory's.
  private func fails(_ memory: SharedMemory) async -> Bool {
    do throws(Failure) {
      _ = try await memory.get("a")
      return false
    } catch {
      return error.code == .unavailable && error.reason == "shared_memory_unavailable"
    }
  }

  /// The time that 1,000 refusals take together; nothing is asked of Redis in it.
  private func refuseThousand(_ memory: SharedMemory) async -> Duration {
    let refused = memory.figures.commands.with("refused").value
    let start = ContinuousClock.now
    for _ in 0..<1000 { #expect(await fails(memory)) }
    let duration = ContinuousClock.now - start
    #expect(memory.figures.commands.with("refused").value == refused + 1000)
    return duration
  }

  private func works(_ memory: SharedMemory) async -> Bool {
    do throws(Failure) {
      try await memory.set("a", [1], for: .seconds(60))
      return true
    } catch {
      return false
    }
  }

  @Test("Killed, it is refused at once; started again, it is found again")
  func killed() async throws {
    try await run { memory, server in
      server.kill()
      try await eventually("the loss is noticed") { !memory.status.isWorking }
      #expect(await refuseThousand(memory) < .seconds(1))
      #expect(memory.status.problem != nil)
      #expect(memory.figures.connections.value == 0)
      try await server.start()
      try await eventually("it works again") { memory.status.isWorking }
      #expect(await works(memory))
      #expect(memory.figures.reconnects.value == 2)
      #expect(memory.figures.connections.value == 2)
    }
  }

  @Test("Commands under way when it is killed fail, each once, and soon")
  func underWay() async throws {
    try await run { memory, server in
      server.freeze()
      let start = ContinuousClock.now
      await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<500 { group.addTask { await fails(memory) } }
        server.kill()
        for await isFailed in group { #expect(isFailed) }
      }
      #expect(ContinuousClock.now - start < .seconds(2))
    }
  }

  @Test("Standing still, it costs one timeout to those under way, and then nothing")
  func frozen() async throws {
    try await run { memory, server in
      server.freeze()
      let durations = await withTaskGroup(of: Duration.self) { group in
        for _ in 0..<100 {
          group.addTask {
            let start = ContinuousClock.now
            #expect(await fails(memory))
            return ContinuousClock.now - start
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      // One timeout of 50 ms, and what two busy cores add.
      #expect(durations.allSatisfy { $0 < .milliseconds(500) }, "\(durations.max() ?? .zero)")
      #expect(await refuseThousand(memory) < .seconds(1))
      #expect(memory.status.problem != nil)
      server.thaw()
      try await eventually("it works again") { memory.status.isWorking }
      #expect(await works(memory))
    }
  }

  @Test("Standing still for longer, its connections are given up, and opened again when it goes on")
  func frozenLong() async throws {
    try await run { memory, server in
      server.freeze()
      #expect(await fails(memory))
      try await eventually("both connections are given up") { memory.figures.connections.value == 0 }
      // A frozen server's connections can be opened: it must not be taken for one that works.
      #expect(await refuseThousand(memory) < .seconds(1))
      server.thaw()
      try await eventually("it works again") { memory.status.isWorking }
      #expect(await works(memory))
      #expect(memory.figures.reconnects.value >= 2)
    }
  }

  @Test("A subscription is in place again after a restart, and says so")
  func subscription() async throws {
    try await run { memory, server in
      let events = Watched<[SharedEvent]>([])
      let subscription = memory.subscribe("a") { event in events.change { $0.append(event) } }
      try await events.wait(for: "the subscription") { $0 == [.resumed] ? () : nil }
      server.kill()
      try await eventually("the loss is noticed") { memory.figures.connections.value == 0 }
      try await server.start()
      try await events.wait(for: "the subscription again") { $0 == [.resumed, .resumed] ? () : nil }
      try await eventually("it can be published") {
        do throws(Failure) {
          try await memory.publish("a", [1])
          return true
        } catch {
          return false
        }
      }
      try await events.wait(for: "the message") { $0 == [.resumed, .resumed, .message([1])] ? () : nil }
      subscription.cancel()
    }
  }

  @Test("Unreachable at first, it is degraded, and works as soon as it is there")
  func unreachableAtFirst() async throws {
    let server = try await RedisServer.start()
    server.kill()
    try await SharedScene.run(Self.configuration(server)) { memory in
      #expect(await fails(memory))
      try await eventually("why is told") { memory.status.problem?.contains("refused") == true }
      try await server.start()
      try await eventually("it works") { memory.status.isWorking }
      #expect(await works(memory))
      #expect(memory.figures.reconnects.value == 0)
    }
  }

  @Test("A wrong password is said to be wrong, and not shown", arguments: ["geheim", nil])
  func password(presented: String?) async throws {
    let server = try await RedisServer.start(["--requirepass", "richtig"])
    try await SharedScene.run(Self.configuration(server, password: presented)) { memory in
      try await eventually("why is told") { memory.status.problem?.hasPrefix("Redis ") == true }
      let problem = memory.status.problem ?? ""
      #expect(problem.contains(presented == nil ? "NOAUTH" : "WRONGPASS"), "\(problem)")
      #expect(!problem.contains("geheim") && !problem.contains("richtig"))
      #expect(await fails(memory))
    }
    try await SharedScene.run(Self.configuration(server, password: "richtig", database: 3)) { memory in
      try await eventually("it works") { memory.status.isWorking }
      #expect(await works(memory))
    }
  }

  @Test("Databases of one server are apart")
  func databases() async throws {
    try await run { memory, server in
      #expect(await works(memory))
      try await SharedScene.run(Self.configuration(server, database: 2)) { other in
        try await eventually("Redis works") { other.status.isWorking }
        #expect(try await other.get("a") == nil)
      }
      try await SharedScene.run(Self.configuration(server, database: 99)) { other in
        try await eventually("why is told") { other.status.problem?.contains("out of range") == true }
      }
    }
  }

  @Test("A script that the server has forgotten is sent again")
  func forgottenScript() async throws {
    try await run { memory, server in
      let commands = memory.figures.commands
      #expect(try await memory.increment("n", by: 1, for: .seconds(60)) == 1)
      #expect(commands.with("ok").value == 2)
      #expect(try await memory.increment("n", by: 1, for: .seconds(60)) == 2)
      #expect(commands.with("ok").value == 3)
      let client = try await RawClient.connect(to: server.port)
      try await client.send("SCRIPT FLUSH SYNC\r\nQUIT\r\n")
      #expect(try await client.end() == "+OK\r\n+OK\r\n")
      #expect(try await memory.increment("n", by: 1, for: .seconds(60)) == 3)
      #expect(commands.with("ok").value == 5)
      #expect(commands.with("failed").value == 0)
    }
  }

  /// Tells the server something over a connection of its own.
  private func tell(_ server: RedisServer, _ command: String) async throws {
    let client = try await RawClient.connect(to: server.port)
    try await client.send("\(command)\r\nQUIT\r\n")
    #expect(try await client.end() == "+OK\r\n+OK\r\n")
  }

  private func increments(_ memory: SharedMemory) async -> Bool {
    do throws(Failure) {
      try await memory.increment("n", by: 1, for: .seconds(60))
      return true
    } catch {
      return false
    }
  }

  @Test("A server that has become a replica is not taken for one that works, and is left for another connection")
  func replica() async throws {
    try await run { memory, server in
      #expect(await increments(memory))
      try await tell(server, "REPLICAOF 127.0.0.1 1")
      #expect(await !increments(memory))
      try await eventually("why is told") {
        await !increments(memory) && memory.status.problem == "Redis says: READONLY"
      }
      try await tell(server, "REPLICAOF NO ONE")
      try await eventually("it works again") { await increments(memory) && memory.status.isWorking }
      #expect(memory.figures.reconnects.value >= 1)
    }
  }

  @Test("Buckets of the future count as of now, and those that have left the window do not")
  func buckets() async throws {
    try await run { memory, server in
      let ask = { (subject: String) in
        LeaseRequest(subject: subject, limit: 10, windowMilliseconds: 60_000, wanted: 10)
      }
      let now = try await memory.lease(ask("other")).bucket
      let client = try await RawClient.connect(to: server.port)
      try await client.send("HSET future \(now + 1000) 6\r\nHSET past \(now - 1000) 6\r\nQUIT\r\n")
      #expect(try await client.end() == ":1\r\n:1\r\n+OK\r\n")
      let future = try await memory.lease(ask("future"))
      #expect(future.granted == 4 && future.used == 10)
      #expect(future.resetMilliseconds <= 60_250)
      let past = try await memory.lease(ask("past"))
      #expect(past.granted == 10 && past.used == 10)
    }
  }

  @Test("A server without memory is told, and works again when it has some")
  func full() async throws {
    try await run { memory, server in
      try await tell(server, "CONFIG SET maxmemory 1")
      #expect(await !works(memory))
      #expect(await !increments(memory))
      try await eventually("why is told") { memory.status.problem == "Redis says: OOM" }
      try await tell(server, "CONFIG SET maxmemory 0")
      #expect(await works(memory))
      try await eventually("it works again") { memory.status.isWorking }
      #expect(memory.figures.reconnects.value == 0)
    }
  }

  @Test("Stopped, it fails at once, and whoever waited has an answer")
  func stopped() async throws {
    let server = try await RedisServer.start()
    let kept = Mutex<SharedMemory?>(nil)
    let waiting = Mutex<Task<Bool, Never>?>(nil)
    try await SharedScene.run(Self.configuration(server, timeout: .seconds(20))) { memory in
      try await eventually("Redis works") { memory.status.isWorking }
      server.freeze()
      let task = Task { await fails(memory) }
      waiting.withLock { $0 = task }
      kept.withLock { $0 = memory }
    }
    #expect(await waiting.withLock { $0 }?.value == true)
    let memory = try #require(kept.withLock { $0 })
    #expect(await refuseThousand(memory) < .seconds(1))
    #expect(memory.status.problem == "it is stopped")
    #expect(memory.figures.connections.value == 0)
  }

  @Test("A server that speaks something else is not taken for a Redis")
  func noRedis() async throws {
    let upstream = try await ScriptedUpstream.start { _ in [] }
    let origin = UpstreamOrigin(.tcp(host: "127.0.0.1", port: upstream.port))
    try await SharedScene.run(SharedMemoryConfiguration(location: .redis(RedisLocation(origin: origin)))) { memory in
      try await eventually("why is told") {
        memory.status.problem.map { $0.hasPrefix("it ") || $0.hasPrefix("the connection") } ?? false
          && memory.status.problem != "it is not connected yet"
      }
      #expect(await fails(memory))
    }
    upstream.stop()
  }
}
