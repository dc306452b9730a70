import Foundation
import Logging
import NIOCore
import NIOPosix
import Store
import Testing

/// The backends that a test of `SharedMemory` runs over.
enum SharedBackend: String, CaseIterable, CustomTestStringConvertible {
  case memory
  case redis

  var testDescription: String { rawValue }

  private func location() throws -> SharedMemoryConfiguration.Location {
    if self == .memory { return .memory }
    let url = try #require(
      ProcessInfo.processInfo.environment["APUS_TEST_REDIS"],
      "APUS_TEST_REDIS is missing: the URL of a Redis that tests may use, as ./test starts one")
    return try #require(SharedMemoryConfiguration.Location(url: url), "APUS_TEST_REDIS is no URL of a Redis")
  }

  /// Lets `body` use a shared memory that works; keys begin with a prefix that no other test has.
  func run(_ body: @Sendable (SharedMemory, _ prefix: String) async throws -> Void) async throws {
    // Long, since two cores may be busy with other things: what is late is tested elsewhere.
    let configuration = SharedMemoryConfiguration(location: try location(), timeout: .seconds(10))
    try await SharedScene.run(configuration) { memory in
      try await eventually("the backend works") { memory.status.isWorking }
      try await body(memory, "test:\(UInt64.random(in: 0 ... .max)):")
    }
  }
}

enum SharedScene {
  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Lets `body` use a shared memory that runs, whether it works or not, and stops it.
  static func run(
    _ configuration: SharedMemoryConfiguration, _ body: @Sendable (SharedMemory) async throws -> Void
  ) async throws {
    let memory = SharedMemory(configuration, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
    let running = Task { await memory.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(memory)) } catch { result = .failure(error) }
    running.cancel()
    await running.value
    try result.get()
  }
}

/// What was waited for did not happen.
struct NeverHappened: Error, CustomStringConvertible {
  let description: String
}

/// Asks again and again, for 20 s.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let deadline = NIODeadline.now() + .seconds(20)
  while try await !condition() {
    guard NIODeadline.now() < deadline else { throw NeverHappened(description: "never happened: \(what)") }
    try await moment()
  }
}

/// Lets a little time pass between two questions.
func moment() async throws {
  let loop = MultiThreadedEventLoopGroup.singleton.next()
  try await loop.scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
}
