import Glibc
import Logging
import TestKit
import Testing

@testable import Web

@Suite("The log never stops the service, and says what it lost", .timeLimit(.minutes(1)))
struct LogSinkStoreTests {
  private static func line(_ number: Int, after beginning: LogLine = LogLine(level: .info, message: "n")) -> LogLine {
    var line = beginning
    line.add("number", number)
    return line
  }

  @Test("What many threads write comes out whole, each thread's lines in their order")
  func whole() async throws {
    let tap = try await LineTap.open()
    let sink = LogSink(descriptor: tap.descriptor)
    await withTaskGroup(of: Void.self) { tasks in
      for writer in 0..<4 { tasks.addTask { for count in 0..<500 { sink.write(Self.line(writer * 1000 + count)) } } }
    }
    let lines = try await tap.lines.wait(for: "2000 lines") { $0.count >= 2000 ? $0 : nil }
    let numbers = try lines.map { try #require(try object($0)["number"] as? Int) }
    #expect(numbers.count == 2000)
    for writer in 0..<4 {
      #expect(numbers.filter { $0 / 1000 == writer } == (0..<500).map { writer * 1000 + $0 })
    }
    #expect(sink.droppedLines == 0)
  }

  @Test("What nobody reads in time is dropped and counted, and the rest is whole")
  func dropped() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = LogSink(descriptor: ends[1])
    // Nobody reads yet: were a write to wait for a reader, this would never end.
    let count = 400
    let long = LogLine(level: .info, message: String(repeating: "x", count: 64 << 10))
    for number in 0..<count { sink.write(Self.line(number, after: long)) }
    let lost = sink.droppedLines
    #expect(lost > 0)
    let text = try Self.read(lines: count - lost, from: ends[0])
    let numbers = try text.split(separator: "\n").map { try #require(try object(String($0))["number"] as? Int) }
    #expect(numbers.count == count - lost)
    #expect(numbers == numbers.sorted())
    // One batch may be on its way while the next is gathered.
    #expect(text.utf8.count <= 2 * (LogSink.maximumPendingBytes + (65 << 10)))
    sink.write(Self.line(count))
    #expect(try Self.read(lines: 1, from: ends[0]).contains("\"number\":\(count)"))
    #expect(sink.droppedLines == lost)
    close(ends[0])
  }

  @Test("Flushing waits until all is written")
  func flush() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let sink = LogSink(descriptor: ends[1])
    for number in 0..<100 { sink.write(Self.line(number)) }
    sink.flush()
    // Nothing is waited for here: what is not there now is missing.
    #expect(try Self.read(lines: 100, from: ends[0], patience: 0).contains("\"number\":99"))
    close(ends[0])
  }

  @Test("An output that does not block loses nothing")
  func nonBlocking() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    let sink = LogSink(descriptor: ends[1])
    // More than the pipe takes at once.
    let long = LogLine(level: .info, message: String(repeating: "x", count: 64 << 10))
    for number in 0..<8 { sink.write(Self.line(number, after: long)) }
    let lines = try Self.read(lines: 8, from: ends[0]).split(separator: "\n")
    #expect(try lines.map { try object(String($0))["number"] as? Int } == Array(0..<8))
    #expect(sink.droppedLines == 0)
    close(ends[0])
  }

  @Test("What cannot be written is counted as lost")
  func full() throws {
    let full = Glibc.open("/dev/full", O_WRONLY)
    try #require(full >= 0)
    let sink = LogSink(descriptor: full)
    for number in 0..<10 { sink.write(Self.line(number)) }
    sink.flush()
    #expect(sink.droppedLines == 10)
  }

  /// Reads so many lines; `patience` is in milliseconds.
  private static func read(lines: Int, from descriptor: Int32, patience: Int32 = 20_000) throws -> String {
    var bytes: [UInt8] = []
    var found = 0
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while found < lines {
      var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&source, 1, patience) == 1, "\(found) of \(lines) lines came")
      let count = Glibc.read(descriptor, &piece, piece.count)
      try #require(count > 0)
      found += piece[..<count].count { $0 == UInt8(ascii: "\n") }
      bytes += piece[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
