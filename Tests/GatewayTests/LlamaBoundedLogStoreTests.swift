import Foundation
import Gateway
import Kernel
import Testing

@Suite struct LlamaBoundedLogStoreTests {
  private let folder = NSTemporaryDirectory() + "apus-log-\(UUID().uuidString)"
  private var path: String { folder + "/part.log" }

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func write(_ pieces: [String]) {
    var log = BoundedLog(path: path, limit: ByteCount(10))
    for piece in pieces { Array(piece.utf8).withUnsafeBytes { log.append($0) } }
  }

  private func text(_ path: String) -> String? {
    // nil is an answer here: there is no such file.
    try? String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func `it appends to what it finds, and only its owner may read it`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    write(["12345"])
    write(["678"])
    #expect(text(path) == "12345678")
    #expect(text(path + ".1") == nil)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `whatever is written, two files of the limit hold the newest of it`() {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    write((0..<1000).map { String(format: "%04d", $0) })
    #expect(text(path + ".1") == "09960997")
    #expect(text(path) == "09980999")
    #expect(FileManager.default.subpaths(atPath: folder)?.count == 2)
  }

  @Test func `a file that is too large already is put aside before the first line`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("much too large".utf8).write(to: URL(fileURLWithPath: path))
    write(["new"])
    #expect(text(path) == "new")
    #expect(text(path + ".1") == "much too large")
  }

  @Test func `a log that cannot be written is dropped`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data().write(to: URL(fileURLWithPath: folder + "/file"))
    var log = BoundedLog(path: folder + "/file/part.log")
    Array("lost".utf8).withUnsafeBytes { log.append($0) }
    #expect(text(folder + "/file") == "")
  }
}
