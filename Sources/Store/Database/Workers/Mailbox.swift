import Dispatch
import Synchronization

/// Where a worker's thread waits for what it is to do next: holds one piece of mail at most.
final class Mailbox<Turn: Sendable>: Sendable {
  enum Mail: Sendable {
    case job(Turn)
    case end

    /// The job, if it is one.
    var turn: Turn? {
      if case .job(let turn) = self { turn } else { nil }
    }
  }

  private let mail = Mutex<Mail?>(nil)
  private let arrival = DispatchSemaphore(value: 0)

  /// Leaves mail, and wakes the thread.
  func put(_ piece: Mail) {
    mail.withLock { $0 = piece }
    arrival.signal()
  }

  /// Blocks until there is mail.
  func take() -> Mail {
    arrival.wait()
    return open()
  }

  /// Blocks until there is mail, or for so long; nil when none came.
  func take(within limit: DispatchTimeInterval) -> Mail? {
    arrival.wait(timeout: .now() + limit) == .success ? open() : nil
  }

  private func open() -> Mail {
    mail.withLock { mail in
      defer { mail = nil }
      return mail ?? .end
    }
  }
}
