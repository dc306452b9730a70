/// Who wants to hear of which channel. Whoever was added hears nothing before having joined, on the event loop.
struct Subscribers {
  typealias Handler = @Sendable (SharedEvent) -> Void

  private struct Subscriber {
    let id: Int
    let handler: Handler
    var hasJoined = false
  }

  private var subscribers: [String: [Subscriber]] = [:]
  private var lastID = 0

  /// The channels of which somebody wants to hear.
  var channels: [String] { Array(subscribers.keys) }

  func isWanted(_ channel: String) -> Bool {
    subscribers[channel] != nil
  }

  /// Adds a handler, and returns its number.
  mutating func add(_ handler: @escaping Handler, to channel: String) -> Int {
    lastID += 1
    subscribers[channel, default: []].append(Subscriber(id: lastID, handler: handler))
    return lastID
  }

  /// Lets one hear from now on, and returns its handler; nil when it has gone in the meantime.
  mutating func join(_ id: Int, _ channel: String) -> Handler? {
    guard let position = subscribers[channel]?.firstIndex(where: { $0.id == id }) else { return nil }
    subscribers[channel]?[position].hasJoined = true
    return subscribers[channel]?[position].handler
  }

  mutating func remove(_ id: Int, from channel: String) {
    subscribers[channel]?.removeAll { $0.id == id }
    if subscribers[channel]?.isEmpty == true { subscribers[channel] = nil }
  }

  mutating func removeAll() {
    subscribers = [:]
  }

  /// Those that have joined, in the order in which they came.
  func handlers(of channel: String) -> [Handler] {
    subscribers[channel]?.filter(\.hasJoined).map(\.handler) ?? []
  }
}
