import CProcess
import Foundation
import Synchronization

/// A program that Apus runs beside itself, and that cannot outlive it.
///
/// Linux binds the death signal of a child to the THREAD that forked it, not to the process: a child that a pool's
/// thread started would die whenever the pool retires that thread. So each child has one thread of its own, which forks
/// it, copies its output to the log, waits for its end, reports it, and lives exactly as long as the child. When Apus
/// dies, of whatever cause, the thread dies too, and the kernel kills the child.
package final class ChildProcess: Sendable {
  /// What to run; the program gets this environment and nothing of ours.
  package struct Program: Sendable, Equatable {
    /// The executable; nothing is looked up.
    package var path: String
    /// Without the program's own name.
    package var arguments: [String]
    /// `NAME=value` each.
    package var environment: [String]

    /// Makes a program.
    package init(path: String, arguments: [String], environment: [String]) {
      self.path = path
      self.arguments = arguments
      self.environment = environment
    }
  }

  /// What becomes of a child, in this order: it did not start, or it started and has ended.
  package enum Report: Sendable, Equatable {
    case started(pid: Int32)
    case notStarted(errno: Int32)
    case ended(Ending)
  }

  /// How a child ended.
  package enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exit(status: Int32)
    case signal(Int32)
    /// Somebody else took the record of it.
    case unknown

    package var description: String {
      switch self {
      case .exit(let status): "exited with status \(status)"
      case .signal(SIGILL): "was killed by signal \(SIGILL): it was built for another kind of processor"
      case .signal(let number): "was killed by signal \(number)"
      case .unknown: "ended"
      }
    }
  }

  private let program: Program
  private let logPath: String
  private let report: @Sendable (Report) -> Void
  /// Set while the number belongs to the child for certain: from its start until just before it is reaped.
  private let pid = Mutex<Int32?>(nil)

  /// A child that is not running yet. `report` is called on the child's thread.
  package init(_ program: Program, logPath: String, report: @escaping @Sendable (Report) -> Void) {
    self.program = program
    self.logPath = logPath
    self.report = report
  }

  /// Starts it, once.
  package func start(threadName: String) {
    let thread = Thread { self.run() }
    thread.name = threadName
    thread.stackSize = 512 << 10
    thread.start()
  }

  /// Sends a signal to the child and to what it has started; nothing happens when it is gone.
  package func signal(_ number: Int32) {
    pid.withLock { pid in
      if let pid { _ = kill(-pid, number) }
    }
  }

  private func run() {
    var pipe: [Int32] = [-1, -1]
    let made = apus_pipe(&pipe)
    guard made == 0 else { return report(.notStarted(errno: -made)) }
    let (output, input) = (pipe[0], pipe[1])
    defer { close(output) }
    let child = program.spawn(output: input)
    close(input)
    guard child > 0 else { return report(.notStarted(errno: -child)) }
    pid.withLock { $0 = child }
    report(.started(pid: child))
    follow(child, output: output)
    report(.ended(reap(child)))
  }

  /// Copies what the child writes into its log until it has ended.
  private func follow(_ child: Int32, output: Int32) {
    var log = BoundedLog(path: logPath)
    let end = apus_watch(child)
    defer { if end >= 0 { close(end) } }
    let readable = Int16(POLLIN)
    var sources = [pollfd(fd: output, events: readable, revents: 0), pollfd(fd: end, events: readable, revents: 0)]
    // Without a descriptor for the end (an old kernel), the end of the output says that it is near.
    while sources[1].revents == 0, sources.contains(where: { $0.fd >= 0 }) {
      guard poll(&sources, 2, -1) > 0 else { continue }
      if sources[0].revents != 0, !Self.copy(output, to: &log) { sources[0].fd = -1 }
    }
    apus_await(child)
    _ = kill(-child, SIGKILL)  // what it has started and left behind, which holds its output open
    _ = Self.copy(output, to: &log)
  }

  /// Copies what the pipe holds now; false when nobody can write to it any more.
  private static func copy(_ output: Int32, to log: inout BoundedLog) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
      let count = read(output, buffer.baseAddress, buffer.count)
      if count > 0 { log.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
      return count != 0
    }
  }

  private func reap(_ child: Int32) -> Ending {
    let status = pid.withLock { pid in
      pid = nil
      return apus_reap(child)
    }
    return status == .min ? .unknown : status < 0 ? .signal(-status) : .exit(status: status)
  }
}

extension ChildProcess.Program {
  /// The process id, or a negated errno.
  fileprivate func spawn(output: Int32) -> Int32 {
    let arguments = ([path] + arguments).map { strdup($0) } + [nil]
    let environment = environment.map { strdup($0) } + [nil]
    defer { (arguments + environment).forEach { free($0) } }
    return apus_spawn(path, arguments, environment, output)
  }
}
