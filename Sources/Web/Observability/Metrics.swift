package import Kernel
package import NIOCore
import Synchronization

/// Everything that is counted, by its Prometheus name.
package final class Metrics: Sendable {
  /// Sources: OpenTelemetry semantic conventions for generative AI, metrics `gen_ai.client.operation.duration` and
  /// `gen_ai.server.time_to_first_token` (explicit bucket boundaries).
  private static let durationBounds = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
  ]
  private static let firstTokenBounds = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
  ]
  private static let overheadBounds = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1,
  ]
  private static let lagBounds = [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1]

  let requests = Family(
    "apus_requests_total", "Requests by route, model and status.", labels: ["route", "model", "status"],
    make: Counter.init)
  let durations = Family(
    "apus_request_duration_seconds", "From a request's head to its answer's last byte.", labels: ["route", "model"],
    make: { Histogram(bounds: Metrics.durationBounds) })
  let firstTokens = Family(
    "apus_time_to_first_token_seconds", "From a request's head to the first event of its stream.",
    labels: ["model"], make: { Histogram(bounds: Metrics.firstTokenBounds) })
  let overheads = Family(
    "apus_overhead_seconds", "What Apus itself worked on a request, waiting left out.",
    labels: ["route"],
    make: { Histogram(bounds: Metrics.overheadBounds) })
  let tokens = Family(
    "apus_tokens_total", "Tokens as the providers counted them.", labels: ["model", "direction"], make: Counter.init)
  /// What went wrong with a provider, by kind.
  package let upstreamErrors = Family(
    "apus_upstream_errors_total", "Requests that a provider failed, by kind.", labels: ["provider", "kind"],
    make: Counter.init)
  /// Requests that a limit refused, by its reason: `rate_limit_exceeded`, `concurrency_limit_exceeded`,
  /// `address_limit_exceeded`.
  let rateLimited = Family(
    "apus_rate_limited_total", "Requests that a limit refused.", labels: ["limit"], make: Counter.init)
  /// How late event loops come to their timers, by loop.
  package let loopLag = Family(
    "apus_event_loop_lag_seconds", "How late an event loop came to a timer.", labels: ["loop"],
    make: { Histogram(bounds: Metrics.lagBounds) })
  /// Streams that are being sent.
  package let openStreams = Gauge()
  /// Connections from clients.
  package let openConnections = Gauge()
  private let sink: LogSink
  private let build: String
  private let others = Mutex<[@Sendable (inout Exposition) -> Void]>([])

  /// Counts from zero; `sink` tells how many log lines were lost, `build` is Apus's version.
  package init(sink: LogSink, build: String) {
    self.sink = sink
    self.build = build
  }

  /// Adds what another part counts: `write` is called for every exposition.
  package func add(_ write: @escaping @Sendable (inout Exposition) -> Void) {
    others.withLock { $0.append(write) }
  }

  /// Everything in Prometheus's text format, version 0.0.4.
  package func exposition() -> String {
    var text = Exposition()
    text.add(requests)
    text.add(durations)
    text.add(firstTokens)
    text.add(overheads)
    text.add(tokens)
    text.add(upstreamErrors)
    text.add(loopLag)
    text.add(gauge: "apus_open_streams", "Streams that are being sent.", openStreams.value)
    text.add(gauge: "apus_open_connections", "Connections from clients.", openConnections.value)
    text.add(counter: "apus_log_lines_dropped_total", "Log lines that nobody took in time.", sink.droppedLines)
    text.add(rateLimited)
    for write in others.withLock({ $0 }) { write(&text) }
    text.add(gauge: "process_resident_memory_bytes", "Memory that is really used.", ProcessFigures.residentBytes)
    text.add(gauge: "process_open_fds", "Open file descriptors.", ProcessFigures.openDescriptors)
    text.add(build: build)
    return text.output
  }
}

extension TimeAmount {
  /// The length in seconds.
  package var seconds: Double { Double(nanoseconds) / 1e9 }
}
