import NIOCore
import NIOPosix
import Synchronization

/// A value that many change, and a way to wait for what it becomes.
///
/// Waiting ends with an error after 20 s, so that a test fails where it waits, and says for what.
package final class Watched<Value: Sendable>: Sendable {
  private struct State: Sendable {
    var value: Value
    var waiting: [EventLoopPromise<Void>] = []
  }

  private let state: Mutex<State>
  private let loop = MultiThreadedEventLoopGroup.singleton.next()

  /// Starts with `value`.
  package init(_ value: Value) {
    state = Mutex(State(value: value))
  }

  /// The value of this moment.
  package var value: Value { state.withLock { $0.value } }

  /// Changes the value, and wakes all that wait.
  package func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
    let (result, waiting) = state.withLock { state in
      defer { state.waiting = [] }
      return (body(&state.value), state.waiting)
    }
    for promise in waiting { promise.succeed() }
    return result
  }

  /// Returns what `find` finds in the value, as soon as it does; `find` may take it out.
  ///
  /// - Throws: `TimeIsUp`, and what `find` throws.
  package func wait<Result: Sendable>(
    for what: String, until find: (inout Value) throws -> Result?
  ) async throws -> Result {
    let deadline = NIODeadline.now() + .seconds(20)
    while true {
      let (found, change) = try state.withLock { state -> (Result?, EventLoopFuture<Void>?) in
        if let found = try find(&state.value) { return (found, nil) }
        let promise = loop.makePromise(of: Void.self)
        loop.scheduleTask(deadline: deadline) { promise.fail(TimeIsUp(waitingFor: what)) }
        state.waiting.append(promise)
        return (nil, promise.futureResult)
      }
      if let found { return found }
      do {
        try await change?.get()
      } catch {
        throw TimeIsUp(waitingFor: "\(what); there is \(String("\(value)".prefix(2000)))")
      }
    }
  }
}

/// What a test waited for did not happen.
package struct TimeIsUp: Error, CustomStringConvertible {
  let waitingFor: String

  package var description: String { "time is up, waiting for \(waitingFor)" }
}

/// Something that a test lets happen: closed until it is opened.
package final class Gate: Sendable {
  private let isOpen = Watched(false)

  /// A closed gate.
  package init() {}

  /// Opens it for all that wait and all that come.
  package func open() {
    isOpen.change { $0 = true }
  }

  /// Waits until it is open.
  package func pass() async throws {
    try await isOpen.wait(for: "a gate") { $0 ? () : nil }
  }
}
