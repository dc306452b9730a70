package import Kernel

/// What is counted about the database.
package final class DatabaseFigures: Sendable {
  /// Connections that are open.
  package let open = Gauge()
  /// Connections that serve a transaction.
  package let busy = Gauge()
  /// Transactions that wait for a connection.
  package let waiting = Gauge()
  /// How long transactions waited for a connection, in seconds.
  package let waitSeconds = Histogram(bounds: bounds)
  /// How long statements took, in seconds.
  package let querySeconds = Histogram(bounds: bounds)
  /// Statements that took longer than `slow_query`.
  package let slowQueries = Counter()
  /// Transactions that failed, by kind: `conflict`, `unavailable`, `timeout`, `outcome_unknown`, `invalid`, `internal`.
  package let failures = Family(
    "apus_database_failures_total", "Database transactions that failed, by kind.", labels: ["kind"], make: Counter.init)

  private static let bounds = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  init() {}
}

extension Duration {
  /// In seconds.
  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
