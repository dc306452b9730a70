import Foundation
import Glibc

/// A PostgreSQL server of a test's own, on a socket in its folder, to be stopped and started again.
///
/// As root it runs as Debian's user `postgres`, because PostgreSQL refuses root.
package final class PostgresServer: Sendable {
  /// What went wrong.
  package struct NotStarted: Error, CustomStringConvertible {
    package let description: String
  }

  private let folder: TemporaryFolder
  private let programs: String
  private var data: String { folder.path + "/data" }

  /// Where it is reached.
  package var url: String { "postgres://apus@/postgres?host=\(folder.path)" }

  /// Makes its files, and starts it.
  package init() throws {
    let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
    guard let newest = versions.max(by: { $0.compare($1, options: .numeric) == .orderedAscending }) else {
      throw NotStarted(description: "PostgreSQL's server is not installed")
    }
    programs = "/usr/lib/postgresql/\(newest)/bin"
    folder = try TemporaryFolder()
    if geteuid() == 0, let owner = getpwnam("postgres") {
      chown(folder.path, owner.pointee.pw_uid, owner.pointee.pw_gid)
    }
    try run("initdb", "--pgdata", data, "--username", "apus", "--auth", "trust", "--no-sync")
    try start()
  }

  deinit {
    try? stop()  // it may be stopped already
  }

  /// Starts it, and returns when it takes connections.
  package func start() throws {
    let options = "-c listen_addresses= -c unix_socket_directories=\(folder.path) -c fsync=off"
    try run("pg_ctl", "start", "--wait", "-D", data, "-l", folder.path + "/log", "-o", options)
  }

  /// Stops it at once, as a crash would.
  package func stop() throws {
    try run("pg_ctl", "stop", "--wait", "-D", data, "-m", "immediate")
  }

  /// Not by Foundation's `Process`, which would wait for the server as well: it holds the same descriptors open.
  private func run(_ program: String, _ arguments: String...) throws {
    let owner = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
    let command = ["env", "--chdir=/"] + owner + ["\(programs)/\(program)"] + arguments
    let words = command.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_WRONLY, 0)
    }
    var process = pid_t()
    var status: Int32 = -1
    guard posix_spawnp(&process, "env", &files, nil, words, environ) == 0, waitpid(process, &status, 0) == process,
      status == 0
    else {
      throw NotStarted(description: "\(program) \(arguments.first ?? "") ended with \(status)")
    }
  }
}
