import ServiceLifecycle
import UnixSignals

/// Reads the configuration again at each SIGHUP.
struct Reloading: Service {
  let assembly: Assembly

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup)
    for await _ in signals.cancelOnGracefulShutdown() { assembly.reload() }
  }
}
