import Foundation
import Kernel
import Store
import TestKit
import Testing
import Wire

@Suite("A Redis is reached over TLS, verified, and over a socket file", .timeLimit(.minutes(1)))
struct RedisSocketAPITests {
  /// A folder that is gone afterwards.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "apus-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }  // the system sweeps its temporary folder too
    try await body(folder.path)
  }

  /// A new key and its certificate for an address, in one file.
  private func makePEM(in folder: String, address: String) throws -> String {
    try makePEM(in: folder, subject: "IP:\(address)")
  }

  private func makePEM(in folder: String, subject: String) throws -> String {
    let path = "\(folder)/\(subject).pem"
    let openssl = Process()
    openssl.executableURL = URL(filePath: "/usr/bin/env")
    openssl.arguments =
      ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
      + ["-subj", "/CN=test", "-addext", "subjectAltName=\(subject)", "-keyout", path, "-out", path + ".crt"]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    let certificate = try String(contentsOfFile: path + ".crt", encoding: .utf8)
    let key = try String(contentsOfFile: path, encoding: .utf8)
    try (key + certificate).write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func configuration(_ server: RedisServer, trusting certificates: String?) -> SharedMemoryConfiguration {
    var location = RedisLocation(
      origin: UpstreamOrigin(.tcp(host: "127.0.0.1", port: server.port), isSecure: true))
    location.trustedCertificates = certificates
    return SharedMemoryConfiguration(location: .redis(location), timeout: .seconds(10))
  }

  @Test("Over TLS, with a certificate that is believed")
  func tls() async throws {
    try await withFolder { folder in
      let pem = try makePEM(in: folder, address: "127.0.0.1")
      let server = try await RedisServer.start(pem: pem)
      try await SharedScene.run(configuration(server, trusting: pem + ".crt")) { memory in
        try await eventually("Redis works") { memory.status.isWorking }
        let value = [UInt8](repeating: 7, count: 1 << 20)
        try await memory.set("a", value, for: .seconds(60))
        #expect(try await memory.get("a") == value)
        server.freeze()
        await #expect(throws: Failure.self) { try await memory.get("a") }
        try await eventually("it is given up without a farewell") { memory.figures.connections.value == 0 }
        server.thaw()
        try await eventually("it works again") { memory.status.isWorking }
      }
    }
  }

  @Test("Not with one that is not, or that is another's", arguments: [true, false])
  func refused(isKnown: Bool) async throws {
    try await withFolder { folder in
      let pem = try makePEM(in: folder, address: isKnown ? "127.0.0.2" : "127.0.0.1")
      let server = try await RedisServer.start(pem: pem)
      try await SharedScene.run(configuration(server, trusting: isKnown ? pem + ".crt" : nil)) { memory in
        try await eventually("why is told") {
          memory.status.problem.map { $0.contains("certificate") || $0.contains("CERTIFICATE") } ?? false
        }
        #expect(memory.figures.connections.value == 0)
      }
    }
  }

  @Test("A name is verified as well, with authorities that the URL names", arguments: ["localhost", "elsewhere"])
  func name(certified: String) async throws {
    try await withFolder { folder in
      let pem = try makePEM(in: folder, subject: "DNS:\(certified)")
      let server = try await RedisServer.start(pem: pem)
      let location = try #require(
        SharedMemoryConfiguration.Location(url: "rediss://localhost:\(server.port)/0?ca=\(pem).crt"))
      try await SharedScene.run(SharedMemoryConfiguration(location: location, timeout: .seconds(10))) { memory in
        if certified == "localhost" {
          try await eventually("Redis works") { memory.status.isWorking }
        } else {
          try await eventually("why is told") { memory.status.problem?.lowercased().contains("certificate") == true }
        }
      }
    }
  }

  @Test("Authorities that cannot be read are told")
  func unreadable() async throws {
    let server = try await RedisServer.start()
    try await SharedScene.run(configuration(server, trusting: "/nowhere.pem")) { memory in
      try await eventually("why is told") {
        memory.status.problem.map { $0 != "it is not connected yet" && !$0.contains("answer") } ?? false
      }
      #expect(memory.figures.connections.value == 0)
    }
  }

  @Test("Over a socket file")
  func socket() async throws {
    try await withFolder { folder in
      let server = try await RedisServer.start(["--unixsocket", "\(folder)/redis.sock"])
      let location = try #require(SharedMemoryConfiguration.Location(url: "redis+unix:\(folder)/redis.sock?db=1"))
      try await SharedScene.run(SharedMemoryConfiguration(location: location, timeout: .seconds(10))) { memory in
        try await eventually("Redis works") { memory.status.isWorking }
        #expect(try await memory.increment("n", by: 5, for: .seconds(60)) == 5)
        server.kill()
        try await eventually("the loss is noticed") { !memory.status.isWorking }
      }
    }
  }
}
