import Accounts
import ArgumentParser
import Glibc
import Kernel
import Logging
import NIOPosix
import ServiceLifecycle
import UnixSignals
import Web

/// `apus serve`: runs until it is told to stop.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again.",
    discussion: """
      The log is on the standard output, a JSON object a line. A second signal to stop does not wait for requests.

      EXAMPLES
        apus serve
        apus serve --config apus.yaml
        APUS_SERVER_HOST=0.0.0.0 APUS_SERVER_PORT=80 apus serve
      """)

  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let loaded = try options.load()
    ProcessLimits.prepare()
    let sink = LogSink(descriptor: 1)
    defer { sink.flush() }
    let logger = Logger(label: "apus") { _ in JSONLogHandler(sink: sink) }
    for warning in loaded.warnings { logger.warning("configuration", metadata: ["warning": "\(warning)"]) }
    let file = loaded.file ?? "none: built-in defaults"
    logger.info("starting", metadata: ["version": "\(Apus.version)", "configuration": "\(file)"])
    do {
      try await serve(loaded.configuration, sink, logger)
    } catch {
      let reason = (error as? Failure)?.message ?? "\(error)"
      let cause = (error as? Failure)?.cause
      logger.critical("stopped by a fault", metadata: ["error": "\(reason)", "cause": "\(cause ?? "none known")"])
      sink.flush()
      Output.error("apus: \(reason)" + (cause.map { " (\($0))" } ?? ""))
      throw ExitCode.failure
    }
    logger.info("stopped")
  }

  private func serve(_ configuration: Configuration, _ sink: LogSink, _ logger: Logger) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let source = ConfigurationSource(path: options.config, environment: Environment.current)
    let memory = try Memory(configuration, group: group, logger: logger)
    // The tables are brought up to date on the database's own threads, while everything else is made.
    async let migration: Void = memory.migrate(logger)
    let assembly = try Assembly(
      configuration, source: source, memory: memory, group: group, sink: sink, logger: logger)
    try await migration
    if configuration.accounts.keys.isEmpty {
      logger.info("admin key", metadata: ["file": "\(configuration.dataDirectory)/admin.key"])
    }
    var settings = ServiceGroupConfiguration(services: try assembly.services(), logger: logger)
    // A little more than the server's own deadline, for local models to stop after it.
    settings.maximumGracefulShutdownDuration =
      configuration.server.shutdownDelay + configuration.server.shutdownTimeout + .seconds(10)
    let services = ServiceGroup(configuration: settings)
    // Before anything listens: from then on a signal stops, and does not kill.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await services.run() }
      tasks.addTask { await Self.waitForStops(signals, services) }
      try await tasks.next()
      tasks.cancelAll()
    }
  }

  /// The first signal stops gracefully; this returns at the second, which ends everything at once.
  private static func waitForStops(_ signals: UnixSignalsSequence, _ services: ServiceGroup) async {
    var stops = 0
    for await _ in signals {
      stops += 1
      if stops == 2 { return }
      await services.triggerGracefulShutdown()
    }
  }
}

/// What the process asks of the system before it begins.
enum ProcessLimits {
  /// As many descriptors as are allowed, since every connection takes one or two; and a closed pipe or socket is an
  /// error to handle, not a signal to die of.
  static func prepare() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    if getrlimit(resource, &limit) == 0 {
      limit.rlim_cur = limit.rlim_max
      setrlimit(resource, &limit)
    }
    signal(SIGPIPE, SIG_IGN)
    // Until the reload listens for it, a hang-up must not end the process.
    signal(SIGHUP, SIG_IGN)
  }
}
