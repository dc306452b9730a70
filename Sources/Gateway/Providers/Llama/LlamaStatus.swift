/// What a local model server does for its provider: one server serves one of the two.
package enum LlamaPart: String, Sendable, CaseIterable {
  case chat
  case embedding
}

/// How one local model server is, for `/health/ready`, for the metrics and for the log.
package struct LlamaStatus: Sendable, Equatable {
  /// The five ways that a server can be.
  package enum State: String, Sendable {
    /// Its process runs and loads the model.
    case starting
    /// It answers.
    case ready
    /// It was ready and ended; it is started again after a pause.
    case restarting
    /// It could not be started, or ended before it was ready; that is tried again after a pause.
    case failed
    /// It was stopped with Apus.
    case stopped
  }

  /// Which of its provider's servers it is.
  package var part: LlamaPart
  /// Whether requests can be answered, and what is done about it when not.
  package var state: State
  /// What is wrong and what helps; nil when nothing is. It may name files of this machine.
  package var detail: String?
  /// How often its process has ended without being asked to.
  package var restarts: Int
  /// The process, while there is one.
  package var pid: Int32?
}
