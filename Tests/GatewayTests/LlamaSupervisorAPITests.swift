import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Testing

/// The supervisor with a small real server in the place of llama.cpp's.
@Suite(.timeLimit(.minutes(1))) struct LlamaSupervisorAPITests {
  @Test func `a server that is killed is started again, and a stop leaves nothing behind`() async throws {
    let house = try House(server: House.healthy)
    try await house.run { supervisor, transitions in
      try await transitions.reach(.ready)
      let path = try #require(supervisor.socketPath(for: .chat))
      #expect(supervisor.socketPath(for: .embedding) == nil)
      let first = try #require(supervisor.statuses.first?.pid)
      #expect(kill(first, SIGKILL) == 0)
      let fall = try await transitions.reach(.restarting)
      #expect(fall.contains("was killed by signal 9"))
      try await transitions.reach(.ready)
      let status = try #require(supervisor.statuses.first)
      #expect(status.pid != first)
      #expect(status.restarts == 1)
      #expect(supervisor.socketPath(for: .chat) == path)
      house.last = status.pid
    }
    #expect(house.supervisor.statuses.map(\.state) == [.stopped])
    #expect(house.supervisor.socketPath(for: .chat) == nil)
    #expect(kill(try #require(house.last), 0) == -1)
    #expect(FileManager.default.subpaths(atPath: house.folder + "/run") == [])
  }

  @Test func `a model that is missing is reported with its remedy, and found when it is there`() async throws {
    let house = try House(server: House.healthy, hasModel: false)
    try await house.run { supervisor, transitions in
      let failure = try await transitions.reach(.failed)
      #expect(failure.contains("model.gguf is missing"))
      try house.makeModel()
      try await transitions.reach(.ready)
      #expect(supervisor.statuses.map(\.restarts) == [0])
      #expect(supervisor.statuses.map(\.detail) == [nil])
    }
  }

  @Test func `a server that ends at once is reported with its status and where its words are`() async throws {
    let house = try House(server: "#!/bin/sh\necho no such architecture\nexit 7\n")
    try await house.run { _, transitions in
      let failure = try await transitions.reach(.failed)
      #expect(failure.contains("exited with status 7"))
      let path = house.folder + "/logs/llama-local-chat.log"
      #expect(failure.contains(path))
      #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("no such architecture\n"))
    }
  }

  @Test func `a server that will not end is killed when the task is cancelled`() async throws {
    let house = try House(server: House.stubborn)
    let (transitions, supervisor) = (house.transitions, house.supervisor)
    let task = Task { await supervisor.run() }
    try await transitions.reach(.ready)
    let pid = try #require(supervisor.statuses.first?.pid)
    let began = ContinuousClock.now
    task.cancel()
    await task.value
    #expect(ContinuousClock.now - began < LlamaServerState.stopLimit, "it was not asked first")
    #expect(kill(pid, 0) == -1)
  }

  @Test func `a data_dir too long for a socket's path gets a private folder elsewhere`() async throws {
    let house = try House(server: House.healthy, folderName: String(repeating: "long", count: 30))
    var path = ""
    try await house.run { supervisor, transitions in
      try await transitions.reach(.ready)
      path = try #require(supervisor.socketPath(for: .chat))
      #expect(path.utf8.count <= 107)
      let folder = (path as NSString).deletingLastPathComponent
      let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
    #expect(!FileManager.default.fileExists(atPath: (path as NSString).deletingLastPathComponent))
  }

  @Test func `sockets of processes that are no more are removed, others are not`() async throws {
    let house = try House(server: House.healthy)
    let run = house.folder + "/run"
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    // No process has the number 2^22 or above.
    for name in ["local-chat-4194304.sock", "local-chat-1.sock", "notes.sock"] {
      try Data().write(to: URL(fileURLWithPath: "\(run)/\(name)"))
    }
    try await house.run { _, transitions in
      try await transitions.reach(.ready)
      let mode = try FileManager.default.attributesOfItem(atPath: run)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
    #expect(FileManager.default.subpaths(atPath: run)?.sorted() == ["local-chat-1.sock", "notes.sock"])
  }
}

/// A data folder with a server and a model in it, and the supervisor of both.
private final class House {
  /// Answers every request with 200.
  static let healthy = """
    #!/usr/bin/env python3
    import socket, sys
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[sys.argv.index("--host") + 1])
    listener.listen()
    while True:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok")
        connection.close()
    """
  /// The same, and deaf to SIGTERM.
  static let stubborn = healthy.replacingOccurrences(
    of: "import socket, sys", with: "import signal, socket, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)")

  let folder: String
  let supervisor: LlamaSupervisor
  let transitions: Transitions
  var last: Int32?

  init(server: String, hasModel: Bool = true, folderName: String = "apus-\(UUID().uuidString)") throws {
    folder = NSTemporaryDirectory() + folderName
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(server.utf8).write(to: URL(fileURLWithPath: folder + "/server"))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/server")
    var configuration = LlamaConfiguration(chatModel: folder + "/model.gguf", embeddingModel: nil)
    configuration.server = folder + "/server"
    let (lines, input) = AsyncStream<String>.makeStream()
    transitions = Transitions(lines: lines)
    supervisor = LlamaSupervisor(
      provider: "local", configuration: configuration, dataDirectory: folder,
      logger: Logger(label: "test") { _ in LineRecorder(lines: input) })
    if hasModel { try makeModel() }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)  // what stays behind fails no test
  }

  func makeModel() throws {
    try Data("GGUF".utf8).write(to: URL(fileURLWithPath: folder + "/model.gguf"))
  }

  /// Runs the supervisor as Apus does, with `body` beside it, and shuts it down gracefully after that.
  func run(_ body: (LlamaSupervisor, Transitions) async throws -> Void) async throws {
    let silent = Logger(label: "group") { _ in SwiftLogNoOpLogHandler() }
    let group = ServiceGroup(configuration: .init(services: [.init(service: supervisor)], logger: silent))
    async let running: Void = group.run()
    do {
      try await body(supervisor, transitions)
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await running
  }
}

/// What the supervisor logs, one line for each change of state.
private final class Transitions {
  private var iterator: AsyncStream<String>.Iterator

  init(lines: AsyncStream<String>) {
    iterator = lines.makeAsyncIterator()
  }

  /// Waits for the next change to `state`, and returns what was logged then.
  @discardableResult
  func reach(_ state: LlamaStatus.State) async throws -> String {
    while let line = await iterator.next() {
      if line.hasPrefix("local model server \(state)") { return line }
    }
    throw TimeIsUp(waitingFor: state)
  }

  struct TimeIsUp: Error {
    let waitingFor: LlamaStatus.State
  }
}

private struct LineRecorder: LogHandler {
  let lines: AsyncStream<String>.Continuation
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    lines.yield("\(event.message) \(event.metadata?["detail"].map { "\($0)" } ?? "")")
  }
}
