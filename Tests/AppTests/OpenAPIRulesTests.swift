import Foundation
import Kernel
import Logging
import NIOHTTP1
import NIOPosix
import Store
import Testing
import Web

@testable import App

@Suite("The OpenAPI document")
struct OpenAPIRulesTests {
  @Test("It lists the routes that are served, with their methods and whether they need a key, and no others")
  func routes() throws {
    let folder = try ConfigurationFolder()
    var configuration = Configuration()
    configuration.dataDirectory = folder.path
    configuration.database.location = .sqlite(path: folder.path + "/apus.db")
    let sink = LogSink(descriptor: 2)
    let logger = Logger(label: "test") { _ in JSONLogHandler(sink: sink) }
    let group = MultiThreadedEventLoopGroup.singleton
    let assembly = try Assembly(
      configuration, source: ConfigurationSource(path: nil, environment: [:]),
      memory: Memory(configuration, group: group, logger: logger), group: group, sink: sink, logger: logger)
    let served = assembly.routes.map { "\($0.method.rawValue) \($0.path) \($0.role == nil ? "open" : "keyed")" }
    #expect(try described() == served.sorted())
  }

  private func described() throws -> [String] {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/CAssets/openapi.json")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    let paths = try #require(document["paths"] as? [String: [String: Any]])
    let always = document["security"] as? [[String: Any]] ?? []
    return paths.flatMap { path, item in
      item.compactMap { method, operation in
        guard let operation = operation as? [String: Any] else { return nil }
        let security = operation["security"] as? [[String: Any]] ?? always
        return "\(method.uppercased()) \(path) \(security.isEmpty ? "open" : "keyed")"
      }
    }.sorted()
  }
}
