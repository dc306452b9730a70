import Wire

/// How one part of Apus is.
package struct HealthPart: Sendable {
  /// Whether it works, works with a reservation, or does not.
  package enum Status: String, Sendable {
    case pass, warn, fail
  }

  /// `component:measurement`, as health+json names checks: `local:chat`.
  package var name: String
  /// Whether it can do its work.
  package var status: Status
  /// The state in a word: `ready`, `starting`.
  package var observed: String
  /// What is wrong and what to do, where something is.
  package var output: String?

  /// Makes a part's report.
  package init(name: String, status: Status, observed: String, output: String? = nil) {
    self.name = name
    self.status = status
    self.observed = observed
    self.output = output
  }
}

/// Whether the process can serve: what `/health/ready` says.
package struct Health: Sendable {
  private let stopFlag: StopFlag
  private let parts: @Sendable () -> [HealthPart]

  /// Asks `parts` each time.
  package init(stopFlag: StopFlag, parts: @escaping @Sendable () -> [HealthPart]) {
    self.stopFlag = stopFlag
    self.parts = parts
  }

  /// The report of this moment; a process that is stopping is not ready, however well its parts are.
  func report() -> (isReady: Bool, json: String) {
    var parts = parts()
    let isStopping = stopFlag.isRaised
    parts.append(
      HealthPart(name: "apus:server", status: isStopping ? .fail : .pass, observed: isStopping ? "stopping" : "running")
    )
    let status =
      parts.contains { $0.status == .fail }
      ? HealthPart.Status.fail
      : parts.contains { $0.status == .warn } ? .warn : .pass
    let checks = parts.map { "\(JSONString.encode($0.name)):[\($0.json)]" }.joined(separator: ",")
    return (status != .fail, #"{"status":"\#(status)","checks":{\#(checks)}}"#)
  }
}

extension HealthPart {
  fileprivate var json: String {
    let reason = output.map { #","output":\#(JSONString.encode($0))"# } ?? ""
    return
      #"{"componentType":"component","status":"\#(status)","observedValue":\#(JSONString.encode(observed))\#(reason)}"#
  }
}
