package import Kernel

/// What `SharedMemory` counts.
package struct SharedMemoryFigures: Sendable {
  /// By result: `ok`; `failed` (no answer in time, a lost connection, an error); `refused` (at once, without asking).
  package let commands = Family(
    "apus_shared_memory_commands_total", "Commands to the shared memory, by result.", labels: ["result"],
    make: Counter.init)
  /// From the call to its result; what is refused is not measured.
  package let seconds = Family(
    "apus_shared_memory_command_seconds", "From a command to its result.", labels: [],
    make: { Histogram(bounds: [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1]) })
  /// Connections that stand: two of Redis, none of process memory.
  package let connections = Gauge()
  /// Connections that stood again after one was lost.
  package let reconnects = Counter()

  private let ok: Counter
  private let failed: Counter
  private let refused: Counter
  private let duration: Histogram

  init() {
    ok = commands.with("ok")
    failed = commands.with("failed")
    refused = commands.with("refused")
    duration = seconds.with()
  }

  func refuse() {
    refused.add()
  }

  func count(isOK: Bool, since start: ContinuousClock.Instant) {
    (isOK ? ok : failed).add()
    duration.record((ContinuousClock.now - start) / .seconds(1))
  }
}
