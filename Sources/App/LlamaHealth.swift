import Gateway
import Web

/// Local model servers as `/health/ready` shows them.
enum LlamaHealth {
  /// One part for each server of a provider: `local:chat`.
  static func parts(_ provider: String, _ supervisor: LlamaSupervisor) -> [HealthPart] {
    supervisor.statuses.map { status in
      HealthPart(
        name: "\(provider):\(status.part)", status: status.state == .ready ? .pass : .fail,
        observed: status.state.rawValue)
    }
  }
}
