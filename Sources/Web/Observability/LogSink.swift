import Dispatch
import Glibc
import Synchronization

/// Where log lines go: gathered in memory, written by a thread of its own, so that a slow reader of the log never
/// stops an event loop. At most 4 MiB wait; what comes beyond is dropped and counted.
package final class LogSink: Sendable {
  /// How much may wait to be written.
  package static let maximumPendingBytes = 4 << 20

  private static let gatheringMicroseconds: UInt32 = 10_000

  private struct State {
    var pending: [UInt8] = []
    var dropped = 0
    var isWriting = false
  }

  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)
  private let descriptor: Int32

  /// A sink that writes to a file descriptor; 1 is the standard output.
  package init(descriptor: Int32) {
    self.descriptor = descriptor
    var thread = pthread_t()
    let sink = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<LogSink>.fromOpaque(argument).takeUnretainedValue().writeForever()
        return nil
      }, sink.toOpaque())
    if result == 0 { pthread_detach(thread) }
  }

  /// Lines that were lost because nobody read fast enough, or because they could not be written.
  package var droppedLines: Int { state.withLock { $0.dropped } }

  /// Adds a line; the line break is its own.
  package func write(_ line: LogLine) {
    let wasEmpty = state.withLock { state in
      guard state.pending.count < Self.maximumPendingBytes else {
        state.dropped += 1
        return false
      }
      let wasEmpty = state.pending.isEmpty
      state.pending += line.bytes
      state.pending.append(UInt8(ascii: "}"))
      state.pending.append(UInt8(ascii: "\n"))
      return wasEmpty
    }
    if wasEmpty { wake.signal() }
  }

  /// Waits until all is written, at most a second: for the end of the process.
  package func flush() {
    for _ in 0..<100 {
      if state.withLock({ $0.pending.isEmpty && !$0.isWriting }) { return }
      usleep(10_000)
    }
  }

  private func writeForever() {
    while true {
      wake.wait()
      // Lines that come close together are written together: under load that is one system call for dozens.
      usleep(Self.gatheringMicroseconds)
      let bytes = state.withLock { state in
        state.isWriting = true
        let bytes = state.pending
        state.pending = []
        state.pending.reserveCapacity(bytes.count)
        return bytes
      }
      writeAll(bytes)
      state.withLock { $0.isWriting = false }
    }
  }

  private func writeAll(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if written < 0 && errno == EAGAIN {
          // Whoever shares the output may have made it non-blocking.
          waitForRoom()
        } else if written == 0 || errno != EINTR {
          // A closed or full log must not stop the service: what is left of this batch is lost.
          let lost = rest.count { $0 == UInt8(ascii: "\n") }
          return state.withLock { $0.dropped += lost }
        }
      }
    }
  }

  private func waitForRoom() {
    var output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    poll(&output, 1, -1)
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var baseAddress: UnsafeRawPointer? { base.baseAddress?.advanced(by: startIndex) }
}
