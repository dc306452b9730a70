/// Who wants to hear of which channel.
struct Subscribers {
  typealias Handler = @Sendable (SharedEvent) -> Void

  private var handlers: [String: [(id: Int, handler: Handler)]] = [:]
  private var lastID = 0

  /// The channels of which somebody wants to hear.
  var channels: [String] { Array(handlers.keys) }

  /// Adds a handler, and returns its number.
  mutating func add(_ handler: @escaping Handler, to channel: String) -> Int {
    lastID += 1
    handlers[channel, default: []].append((lastID, handler))
    return lastID
  }

  mutating func remove(_ id: Int, from channel: String) {
    handlers[channel]?.removeAll { $0.id == id }
    if handlers[channel]?.isEmpty == true { handlers[channel] = nil }
  }

  mutating func removeAll() {
    handlers = [:]
  }

  /// In the order in which they came.
  func handlers(of channel: String) -> [Handler] {
    handlers[channel]?.map(\.handler) ?? []
  }

  func handler(_ id: Int, of channel: String) -> Handler? {
    handlers[channel]?.first { $0.id == id }?.handler
  }
}
