import Synchronization

/// A value that is replaced whole while others read it: what a reload changes.
///
/// A reader takes the value once and keeps it for the length of its request.
package final class Live<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  /// Starts with `value`.
  package init(_ value: Value) {
    self.value = Mutex(value)
  }

  /// The value of this moment.
  package var current: Value { value.withLock { $0 } }

  /// Replaces the value; requests that run keep the one they took.
  package func replace(with newValue: Value) {
    value.withLock { $0 = newValue }
  }
}
