import NIOCore

/// The commands that were sent on one connection and wait for their replies, which come in the same order.
///
/// A command whose deadline passes leaves its place behind, so that its late reply is taken for no other's.
struct RedisPipeline<Call> {
  /// Whose reply it was.
  enum Reply {
    case answer(Call)
    /// Of a command that had been given up.
    case late
    case probe(isInTime: Bool)
    /// Of nobody: what follows cannot be trusted.
    case unasked
  }

  private struct Place {
    /// None for a probe, and for a command that was given up.
    var call: Call?
    let isProbe: Bool
    let deadline: NIODeadline
  }

  private let timeout: TimeAmount
  private let maxSilence: TimeAmount
  /// Deadlines ascend.
  private var places = CircularBuffer<Place>()
  /// How many of the first have been given up, or had no more time.
  private var lateCount = 0
  /// When bytes came last, or something began to be waited for.
  private var lastSign = NIODeadline.uptimeNanoseconds(0)

  init(timeout: TimeAmount, maxSilence: TimeAmount) {
    self.timeout = timeout
    self.maxSilence = maxSilence
  }

  /// How many wait, those that were given up among them.
  var count: Int { places.count }

  /// Notes a command that is being sent, or a probe, which has no call.
  mutating func send(_ call: Call?, at now: NIODeadline) {
    if places.isEmpty { lastSign = now }
    places.append(Place(call: call, isProbe: call == nil, deadline: now + timeout))
  }

  /// Notes that a reply came.
  mutating func receive(at now: NIODeadline) -> Reply {
    noteSign(at: now)
    guard let place = places.popFirst() else { return .unasked }
    let isInTime = lateCount == 0
    if !isInTime { lateCount -= 1 }
    if place.isProbe { return .probe(isInTime: isInTime) }
    return place.call.map { .answer($0) } ?? .late
  }

  /// Notes that bytes came, of a reply that may not be whole yet.
  mutating func noteSign(at now: NIODeadline) {
    lastSign = now
  }

  /// Takes out the commands whose deadline has passed.
  mutating func expire(at now: NIODeadline) -> [Call] {
    var expired: [Call] = []
    while lateCount < places.count, places[offset: lateCount].deadline <= now {
      if let call = places[offset: lateCount].call { expired.append(call) }
      places[offset: lateCount].call = nil
      lateCount += 1
    }
    return expired
  }

  /// Whether something is waited for, and nothing at all came for too long.
  func isSilent(at now: NIODeadline) -> Bool {
    !places.isEmpty && lastSign + maxSilence <= now
  }

  /// When to look again; nil while nothing is waited for.
  var nextDeadline: NIODeadline? {
    guard !places.isEmpty else { return nil }
    let silent = lastSign + maxSilence
    return lateCount < places.count ? min(places[offset: lateCount].deadline, silent) : silent
  }

  /// Takes out everything: the connection is gone.
  mutating func removeAll() -> [Call] {
    let calls = places.compactMap(\.call)
    places.removeAll()
    lateCount = 0
    return calls
  }
}
