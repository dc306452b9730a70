import Glibc
import Kernel
import Logging
import ServiceLifecycle
import Synchronization

/// One llama.cpp server: does what `LlamaServerState` says, and tells it what happened.
final class LlamaServer: Sendable {
  private struct Running {
    var rules = LlamaServerState()
    var child: ChildProcess?
    var socket: LlamaSocket?
    var finished: CheckedContinuation<Void, Never>?
  }

  let part: LlamaPart
  private let name: String
  private let configuration: LlamaConfiguration
  private let dataDirectory: String
  private let logger: Logger
  private let running = Mutex(Running())

  /// A server that is not running yet. `name` is its provider's and its own, and goes into file names.
  init(_ part: LlamaPart, name: String, configuration: LlamaConfiguration, dataDirectory: String, logger: Logger) {
    self.part = part
    self.name = name
    self.configuration = configuration
    self.dataDirectory = dataDirectory
    self.logger = logger
  }

  private var logPath: String { "\(dataDirectory)/logs/llama-\(name).log" }

  /// How it is.
  var status: LlamaStatus { running.withLock { status(of: $0.rules) } }

  /// Where it listens, while it is ready.
  var socketPath: String? {
    running.withLock { $0.rules.state == .ready ? $0.socket?.path : nil }
  }

  /// Runs it until it has been stopped: in peace at a graceful shutdown, at once when the task is cancelled.
  func run() async {
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await withCheckedContinuation { continuation in
          running.withLock { $0.finished = continuation }
          receive(.begin)
        }
      } onGracefulShutdown: {
        self.receive(.stop)
      }
    } onCancel: {
      self.receive(.abort)
    }
  }

  private func receive(_ event: LlamaServerState.Event) {
    let (actions, before, after) = running.withLock { running in
      let before = status(of: running.rules)
      let actions = running.rules.receive(event, at: .now)
      return (actions, before, status(of: running.rules))
    }
    if before != after { log(after) }
    actions.forEach(perform)
  }

  private func perform(_ action: LlamaServerState.Action) {
    switch action {
    case .spawn: spawn()
    case .terminate: signal(SIGTERM)
    case .kill: signal(SIGKILL)
    case .wake(let pause, let ticket):
      Task {
        try? await Task.sleep(for: pause)  // nobody cancels it: a timer that is not wanted any more is ignored
        receive(.timer(ticket: ticket))
      }
    case .probe(let ticket): probe(ticket: ticket)
    case .finish: finish()
    }
  }

  private func spawn() {
    do throws(Failure) {
      let socket = try LlamaSocket(name: name, dataDirectory: dataDirectory)
      running.withLock { $0.socket = socket }
      let command = try LlamaCommand(
        part, of: configuration, dataDirectory: dataDirectory, socketPath: socket.path)
      mkdir("\(dataDirectory)/logs", 0o700)  // fails when it is there already
      let child = ChildProcess(command.program, logPath: logPath) { report in
        self.receive(report, from: command.program)
      }
      running.withLock { $0.child = child }
      child.start(threadName: "llama-\(part)")
    } catch {
      notStarted(error.message)
    }
  }

  private func receive(_ report: ChildProcess.Report, from program: ChildProcess.Program) {
    switch report {
    case .started(let pid): receive(.started(pid: pid))
    case .notStarted(let errno): notStarted("cannot run \(program.path): \(String(cString: strerror(errno)))")
    case .ended(let ending):
      removeSocket()
      receive(.exited("llama-server \(ending); its words are in \(logPath)"))
    }
  }

  private func notStarted(_ why: String) {
    removeSocket()
    receive(.notStarted(why))
  }

  private func removeSocket() {
    let socket = running.withLock { running in
      defer { running.socket = nil }
      return running.socket
    }
    socket?.remove()
  }

  private func probe(ticket: Int) {
    guard let path = running.withLock({ $0.socket?.path }) else { return }
    Task {
      if let problem = await LlamaProbe.problem(socketPath: path) {
        receive(.unhealthy(problem, ticket: ticket))
      } else {
        receive(.healthy(ticket: ticket))
      }
    }
  }

  private func signal(_ number: Int32) {
    running.withLock { $0.child }?.signal(number)
  }

  private func finish() {
    let finished = running.withLock { running in
      defer { running.finished = nil }
      return running.finished
    }
    finished?.resume()
  }

  private func status(of rules: LlamaServerState) -> LlamaStatus {
    LlamaStatus(part: part, state: rules.state, detail: rules.detail, restarts: rules.restarts, pid: rules.pid)
  }

  private func log(_ status: LlamaStatus) {
    if status.state == .stopped, status.pid != nil { return }  // not yet
    let isWrong = status.state == .failed || status.state == .restarting
    var metadata: Logger.Metadata = ["server": "\(name)", "restarts": "\(status.restarts)"]
    metadata["pid"] = status.pid.map { "\($0)" }
    metadata["detail"] = status.detail.map { "\($0)" }
    logger.log(level: isWrong ? .warning : .info, "local model server \(status.state)", metadata: metadata)
  }
}
