import Foundation
import Kernel
import Logging
import Store
import TestKit
import Testing

/// The databases that every test of the suite is run on.
enum Place: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case sqlite
  case postgres

  var testDescription: String { rawValue }
}

/// An empty database for one test: a file in a folder of its own, or a schema of the server that the tests were given.
struct DatabaseStand {
  let configuration: DatabaseConfiguration
  let log = LogRecorder()
  private let folder: TemporaryFolder?

  init(_ place: Place, _ change: (inout DatabaseConfiguration) -> Void = { _ in }) async throws {
    var configuration: DatabaseConfiguration
    switch place {
    case .sqlite:
      let folder = try TemporaryFolder()
      self.folder = folder
      configuration = DatabaseConfiguration(.sqlite(path: folder.path + "/some/apus.db"))
    case .postgres:
      folder = nil
      configuration = DatabaseConfiguration(.postgres(url: Secret(try await Self.freshSchema())))
    }
    change(&configuration)
    self.configuration = configuration
  }

  /// Opens it for the length of `body`.
  @discardableResult
  func open<Value>(_ body: (Database) async throws -> Value) async throws -> Value {
    let database = try Database(configuration, logger: log.logger)
    do {
      let value = try await body(database)
      await database.close()
      return value
    } catch {
      await database.close()
      throw error
    }
  }

  /// The server that the tests were given.
  static func server() throws -> String {
    try #require(
      ProcessInfo.processInfo.environment["APUS_TEST_POSTGRES"],
      "APUS_TEST_POSTGRES is not set: ./test starts a PostgreSQL and sets it to its URL")
  }

  private static func freshSchema() async throws -> String {
    let server = try server()
    let schema = "test_" + UUID().uuidString.lowercased().replacing("-", with: "")
    let database = try Database(DatabaseConfiguration(.postgres(url: Secret(server))), logger: Logger(label: "schema"))
    try await database.write { try $0.execute("CREATE SCHEMA \(schema)") }
    await database.close()
    return server + (server.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
  }
}

/// A log that is kept, to be searched.
final class LogRecorder: Sendable {
  let lines = Watched<[String]>([])

  var logger: Logger { Logger(label: "test") { _ in Handler(lines: self.lines) } }
  var text: String { lines.value.joined(separator: "\n") }

  private struct Handler: LogHandler {
    let lines: Watched<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.change { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
  }
}
