import Foundation
import Kernel
import Logging
import NIOCore
import NIOPosix
import Store
import TestKit
import Testing

@testable import Accounts
@testable import Web

/// The databases that every test of the accounts' store is run on.
enum Place: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case sqlite
  case postgres

  var testDescription: String { rawValue }
}

/// Accounts on an empty database, and as many more on the same one as a test asks for: replicas without a memory that
/// they share, unless they are given one.
final class AccountsStand: Sendable {
  private let configuration: DatabaseConfiguration
  private let folder: TemporaryFolder

  static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  static let adminKey = Secret("the-key-of-the-admin-of-this-test-stand")

  init(_ place: Place) async throws {
    folder = try TemporaryFolder()
    switch place {
    case .sqlite: configuration = DatabaseConfiguration(.sqlite(path: folder.path + "/apus.db"))
    case .postgres: configuration = DatabaseConfiguration(.postgres(url: Secret(try await Self.freshSchema())))
    }
  }

  /// Lets `body` use accounts with tables that are up to date.
  func open(
    _ accounts: AccountsConfiguration = AccountsConfiguration(), _ body: (Accounts) async throws -> Void
  ) async throws {
    let database = try Database(configuration, logger: Self.silent)
    let shared = SharedMemory(
      SharedMemoryConfiguration(), group: MultiThreadedEventLoopGroup.singleton, logger: Self.silent)
    do {
      _ = try await database.migrate(AccountsMigrations.all)
      let made = try Accounts(
        accounts, adminKey: Self.adminKey, database: database, shared: shared, logger: Self.silent)
      try await made.catchUp()
      try await body(made)
    } catch {
      await database.close()
      throw error
    }
    await database.close()
  }

  private static func freshSchema() async throws -> String {
    let server = try #require(
      ProcessInfo.processInfo.environment["APUS_TEST_POSTGRES"],
      "APUS_TEST_POSTGRES is not set: ./test starts a PostgreSQL and sets it to its URL")
    let schema = "test_" + UUID().uuidString.lowercased().replacing("-", with: "")
    let database = try Database(DatabaseConfiguration(.postgres(url: Secret(server))), logger: silent)
    try await database.write { try $0.execute("CREATE SCHEMA \(schema)") }
    await database.close()
    return server + (server.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema)"
  }
}

extension Accounts {
  /// Makes a key from the JSON of a request.
  func make(_ json: String) async throws -> NewKey { try await createKey(try Fields(ByteBuffer(string: json))) }

  /// Who presents this key, as the door finds out; nil for nobody.
  func whoIs(_ key: Secret) async throws -> Caller? {
    let digest = KeyDigest(of: key.reveal())
    if let caller = authenticator.known(digest) { return caller }
    do throws(Failure) {
      return try await authenticator.find(key, digest)
    } catch {
      guard error.code == .unauthenticated else { throw error }
      return nil
    }
  }

  /// Whether this process knows the key without asking anybody.
  func knows(_ key: Secret) -> Bool { authenticator.known(KeyDigest(of: key.reveal())) != nil }
}
