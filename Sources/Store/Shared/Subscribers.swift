/// Who wants to hear of which channel.
struct Subscribers {
  typealias Handler = @Sendable (SharedEvent) -> Void

  private var handlers: [String: [(id: Int, handler: Handler)]] = [:]
  private var lastID = 0

  /// The channels of which somebody wants to hear.
  var channels: [String] { Array(handlers.keys) }

  /// Adds a handler, and says whether it is the channel's first.
  mutating func add(_ handler: @escaping Handler, to channel: String) -> (id: Int, isFirst: Bool) {
    lastID += 1
    handlers[channel, default: []].append((lastID, handler))
    return (lastID, handlers[channel]?.count == 1)
  }

  /// Removes a handler, and says whether it was the channel's last.
  mutating func remove(_ id: Int, from channel: String) -> Bool {
    guard var rest = handlers[channel] else { return false }
    rest.removeAll { $0.id == id }
    handlers[channel] = rest.isEmpty ? nil : rest
    return rest.isEmpty
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
