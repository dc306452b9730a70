import Synchronization

/// What a subscriber is told.
package enum SharedEvent: Sendable, Equatable {
  /// Somebody published this.
  case message([UInt8])
  /// The subscription is in place, for the first time or again: what was published before may have been missed.
  case resumed
}

/// A subscription to a channel; it ends when it is cancelled or let go.
package final class SharedSubscription: Sendable {
  private let onCancel: Mutex<(@Sendable () -> Void)?>

  init(onCancel: @escaping @Sendable () -> Void) {
    self.onCancel = Mutex(onCancel)
  }

  deinit { cancel() }

  /// Ends it. A call of the handler that has begun on another thread is not waited for.
  package func cancel() {
    let onCancel = self.onCancel.withLock { onCancel in
      defer { onCancel = nil }
      return onCancel
    }
    onCancel?()
  }
}
