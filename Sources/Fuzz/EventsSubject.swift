import Glibc
import NIOCore
import Wire

/// The event framer: however a stream is cut into chunks, the same events leave it, and nothing else.
enum EventsSubject {
  static func check(_ stream: UnsafeRawBufferPointer) {
    let whole = ends(of: stream) { _ in stream.count }
    checkEvents(of: stream, whole)
    expect(ends(of: stream) { _ in 1 } == whole, "byte by byte the events are the same")
    var cuts = Cuts(of: stream)
    for longest in [3, 20, 300] {
      expect(ends(of: stream) { _ in cuts.next(upTo: longest) } == whole, "cut anyhow the events are the same")
    }
    if stream.count <= 40 {
      for first in stream.indices.dropFirst() {
        expect(ends(of: stream) { $0 == 0 ? first : stream.count } == whole, "cut at \(first) the events are the same")
      }
    }
    if whole.isEmpty, cuts.next(upTo: 512) == 1 { checkLimit(stream, &cuts) }
  }

  /// Feeds a stream; returns where its events ended. `chunk` says how long the one at an offset is.
  private static func ends(of stream: UnsafeRawBufferPointer, chunk: (Int) -> Int) -> [Int] {
    var framer = EventFramer()
    var ends: [Int] = []
    var fed = 0
    while fed < stream.count {
      let start = ends.last ?? 0
      let next = min(stream.count, fed + chunk(fed))
      var end = start
      do throws(EventFramer.Overflow) {
        let left = try framer.feed(ByteBuffer(bytes: stream[fed..<next])) { event in
          expect(isSame(event, stream[end..<(end + event.count)]), "an event is what came")
          end += event.count
          ends.append(end)
        }
        let isLeaving = (left ?? ByteBuffer()).withUnsafeReadableBytes { isSame($0, stream[start..<end]) }
        expect(isLeaving, "the events leave in one piece")
        expect(next - end <= EventFramer.maximumEventBytes, "\(next - end) bytes are held")
      } catch {
        expect(next - end > EventFramer.maximumEventBytes, "\(next - end) bytes are no overflow")
        return ends
      }
      expect(framer.isBetweenEvents == (end == next), "what is held is what is unfinished")
      fed = next
    }
    return ends
  }

  private static func isSame(_ bytes: UnsafeRawBufferPointer, _ others: Slice<UnsafeRawBufferPointer>) -> Bool {
    guard bytes.count == others.count, let base = others.base.baseAddress else { return bytes.count == others.count }
    return bytes.isEmpty || bytes.baseAddress.map { memcmp($0, base + others.startIndex, bytes.count) } == 0
  }

  /// No event holds another, and its data is that of its first data line.
  private static func checkEvents(of stream: UnsafeRawBufferPointer, _ ends: [Int]) {
    for (start, end) in zip([0] + ends, ends) {
      let event = UnsafeRawBufferPointer(rebasing: stream[start..<end])
      expect(event.last == 0x0A || event.last == 0x0D, "an event ends with a line")
      expect(!holdsEnd(event.dropLast()), "no event holds another")
      checkData(of: event)
    }
    expect(!holdsEnd(stream[(ends.last ?? 0)...]), "what is held is no whole event")
  }

  /// Whether the empty line at an event's end is there.
  private static func holdsEnd(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
    let base = bytes.base
    return bytes.indices.dropFirst().contains { last in
      guard base[last] == 0x0A else { return false }
      if base[last - 1] == 0x0A { return true }
      return last - bytes.startIndex >= 3 && base[last - 1] == 0x0D && base[last - 2] == 0x0A && base[last - 3] == 0x0D
    }
  }

  private static func checkData(of event: UnsafeRawBufferPointer) {
    let line = event.split { $0 == 0x0A || $0 == 0x0D }.first { $0.starts(with: "data:".utf8) }
    let value = line.map { $0.dropFirst($0.starts(with: "data: ".utf8) ? 6 : 5) }
    let data = EventData.first(of: event)
    expect(data.map(Array.init) == value.map(Array.init), "the data is that of the first data line")
    if let data { expect(EventData.isDone(data) == data.elementsEqual("[DONE]".utf8), "[DONE] is known") }
  }

  /// The stream again and again, until an event that has no end is too long.
  private static func checkLimit(_ stream: UnsafeRawBufferPointer, _ cuts: inout Cuts) {
    guard stream.count > 0 else { return }
    let count = EventFramer.maximumEventBytes + 70_000
    var long: [UInt8] = []
    while long.count < count { long += stream }
    _ = long.withUnsafeBytes { long in ends(of: long) { _ in cuts.next(upTo: 65_536) } }
  }
}
