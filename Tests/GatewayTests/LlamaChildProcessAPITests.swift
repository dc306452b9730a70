import CProcess
import Foundation
import Gateway
import Synchronization
import Testing

/// Real small programs, started through the C shim.
@Suite(.timeLimit(.minutes(1))) struct LlamaChildProcessAPITests {
  /// A folder for the logs, removed with the test.
  private final class Folder {
    let path = NSTemporaryDirectory() + "apus-child-\(UUID().uuidString)"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }  // what stays behind fails no test
  }

  private typealias Reports = AsyncStream<ChildProcess.Report>

  private static func start(
    _ program: ChildProcess.Program, logPath: String = "/dev/null"
  ) -> (child: ChildProcess, reports: Reports) {
    let (reports, input) = Reports.makeStream()
    let child = ChildProcess(program, logPath: logPath) { report in
      input.yield(report)
      if case .started = report { return }
      input.finish()
    }
    child.start(threadName: "child")
    return (child, reports)
  }

  private static func shell(_ script: String) -> ChildProcess.Program {
    ChildProcess.Program(
      path: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin", "GREETING=hello"])
  }

  /// Runs a program to its end: how it ended, and what it wrote.
  private static func output(
    of program: ChildProcess.Program
  ) async throws -> (ending: ChildProcess.Report?, text: String) {
    let folder = try Folder()
    let path = folder.path + "/log"
    var last: ChildProcess.Report?
    for await report in start(program, logPath: path).reports { last = report }
    return (last, try String(contentsOfFile: path, encoding: .utf8))
  }

  @Test(arguments: [0, 1, 42, 255]) func `the exit status is reported`(_ status: Int32) async throws {
    let ending = try await Self.output(of: Self.shell("exit \(status)")).ending
    #expect(ending == .ended(.exit(status: status)))
  }

  @Test func `the signal that ended it is reported`() async throws {
    let ending = try await Self.output(of: Self.shell("kill -TERM $$")).ending
    #expect(ending == .ended(.signal(SIGTERM)))
  }

  @Test func `a program that is not there or not executable is reported with its errno`() async {
    for (path, expected) in [("/nowhere/at/all", ENOENT), ("/etc/passwd", EACCES), ("/etc", EACCES)] {
      let program = ChildProcess.Program(path: path, arguments: [], environment: [])
      var reports: [ChildProcess.Report] = []
      for await report in Self.start(program).reports { reports.append(report) }
      #expect(reports == [.notStarted(errno: expected)])
    }
  }

  @Test func `both outputs reach the log, the input is empty, and the environment is the given one`() async throws {
    let script = "echo out; echo err >&2; cat; tr '\\0' '\\n' </proc/$$/environ"
    let text = try await Self.output(of: Self.shell(script)).text
    #expect(text == "out\nerr\nPATH=/usr/bin:/bin\nGREETING=hello\n")
  }

  @Test func `no descriptor is inherited but the three`() async throws {
    let leaky = [open("/dev/null", O_RDONLY), fcntl(2, F_DUPFD, 200)]  // no O_CLOEXEC, as in a careless library
    defer { leaky.forEach { close($0) } }
    #expect(leaky.allSatisfy { $0 > 2 })
    let text = try await Self.output(of: Self.shell("ls /proc/$$/fd; true")).text
    #expect(text == "0\n1\n2\n")
  }

  @Test func `it leads its own process group, with no signal blocked or ignored`() async throws {
    let before = signal(SIGHUP, SIG_IGN)  // as under `nohup`
    defer { signal(SIGHUP, before) }
    // The group is the fifth field of `stat`; no space is in `(sh)`.
    let script = "set -- $(cat /proc/$$/stat); echo $(($5 - $1)); sed -n 's/^Sig\\(Blk\\|Ign\\):.//p' /proc/self/status"
    let lines = try await Self.output(of: Self.shell(script)).text.split(separator: "\n")
    try #require(lines.count == 3)
    #expect(lines[0] == "0")
    // Signals 32 and 33 are the C library's own, and it lets nobody change them.
    let masks = lines[1...].map { (UInt64($0, radix: 16) ?? .max) & ~(3 << 31) }
    #expect(masks == [0, 0])
  }

  @Test func `a signal reaches it and what it has started`() async throws {
    let folder = try Folder()
    let pipe = folder.path + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    defer { close(reader) }
    // The grandchild holds the pipe open for as long as it lives.
    let (child, reports) = Self.start(Self.shell("(echo ready; exec sleep 600) >\(pipe) & wait"))
    var ending: ChildProcess.Report?
    for await report in reports {
      ending = report
      guard case .started = report else { continue }
      #expect(Self.read(reader) == "ready\n")
      child.signal(SIGKILL)
    }
    #expect(ending == .ended(.signal(SIGKILL)))
    #expect(Self.read(reader) == "", "the pipe is at its end: the grandchild is gone")
    child.signal(SIGKILL)  // and a signal to one that is gone is nothing
  }

  @Test func `the end is reported though a grandchild holds the output open`() async throws {
    let ending = try await Self.output(of: Self.shell("sleep 600 & exit 3")).ending
    #expect(ending == .ended(.exit(status: 3)))
  }

  @Test func `it dies with the thread that forked it`() throws {
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(null) }
    let child = Mutex<Int32>(0)
    let forked = DispatchSemaphore(value: 0)
    let thread = Thread {
      let arguments = [strdup("sleep"), strdup("600"), nil]
      defer { arguments.forEach { free($0) } }
      child.withLock { $0 = apus_spawn("/bin/sleep", arguments, [nil], null) }
      forked.signal()
    }
    thread.start()
    forked.wait()
    let pid = child.withLock { $0 }
    try #require(pid > 0)
    #expect(apus_reap(pid) == -SIGKILL)
  }

  /// What comes next: empty at the end, nil when nothing comes within 20 s.
  private static func read(_ descriptor: Int32) -> String? {
    var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&source, 1, 20_000) == 1 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
  }
}
