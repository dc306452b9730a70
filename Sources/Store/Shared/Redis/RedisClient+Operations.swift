import Kernel

/// What `SharedMemory` can do, in Redis's commands.
extension RedisClient {
  func get(_ key: String) async throws(Failure) -> [UInt8]? {
    switch try await call(RedisCommand("GET", .text(key))) {
    case .bytes(let bytes): return bytes
    case .null: return nil
    case let reply: throw Self.surprise(reply)
    }
  }

  func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool) async throws(Failure) -> Bool {
    var words: [RedisCommand.Word] = [
      "SET", .text(key), .bytes(value), "PX", .number(lifetime.lifetimeMilliseconds),
    ]
    if onlyIfAbsent { words.append("NX") }
    switch try await call(RedisCommand(words)) {
    case .text: return true
    case .null: return false
    case let reply: throw Self.surprise(reply)
    }
  }

  func remove(_ keys: [String]) async throws(Failure) -> Int {
    keys.isEmpty ? 0 : try await number(RedisCommand(["DEL"] + keys.map { .text($0) }))
  }

  func increment(_ key: String, by amount: Int, for lifetime: Duration) async throws(Failure) -> Int {
    try Self.number(
      await run(.increment, key: key, .number(amount), .number(lifetime.lifetimeMilliseconds)))
  }

  func unlock(_ key: String, token: [UInt8]) async throws(Failure) -> Bool {
    try await Self.number(run(.unlock, key: key, .bytes(token))) == 1
  }

  func extend(_ key: String, token: [UInt8], for lifetime: Duration) async throws(Failure) -> Bool {
    try await Self.number(run(.extend, key: key, .bytes(token), .number(lifetime.lifetimeMilliseconds))) == 1
  }

  func lease(_ request: LeaseRequest) async throws(Failure) -> Lease {
    var arguments: [RedisCommand.Word] = [
      .number(request.limit), .number(request.windowMilliseconds), .number(request.wanted),
    ]
    for share in request.returned { arguments += [.number(share.bucket), .number(share.count)] }
    let reply = try await run(.lease, key: request.subject, arguments)
    guard case .array(let parts) = reply else { throw Self.surprise(reply) }
    let numbers = parts.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    guard numbers.count == 5, parts.count == 5 else { throw Self.surprise(reply) }
    return Lease(
      granted: numbers[0], bucket: numbers[1], used: numbers[2], retryMilliseconds: numbers[3],
      resetMilliseconds: numbers[4])
  }

  func publish(_ channel: String, _ message: [UInt8]) async throws(Failure) {
    _ = try await number(RedisCommand("PUBLISH", .text(channel), .bytes(message)))
  }

  // MARK: Replies

  private func run(
    _ script: RedisScript, key: String, _ arguments: RedisCommand.Word...
  ) async throws(Failure) -> RESPValue {
    try await run(script, key: key, arguments)
  }

  /// Runs a script by its digest; a server that does not know it (any more) is sent it whole, and remembers.
  private func run(
    _ script: RedisScript, key: String, _ arguments: [RedisCommand.Word]
  ) async throws(Failure) -> RESPValue {
    let rest: [RedisCommand.Word] = ["1", .text(key)] + arguments
    let reply = try await call(RedisCommand(["EVALSHA", .text(script.digest)] + rest))
    guard reply.isUnknownScript else { return reply }
    return try await call(RedisCommand(["EVAL", .text(script.source)] + rest))
  }

  private func number(_ command: RedisCommand) async throws(Failure) -> Int {
    try await Self.number(call(command))
  }

  private static func number(_ reply: RESPValue) throws(Failure) -> Int {
    guard case .integer(let number) = reply else { throw surprise(reply) }
    return number
  }

  /// An error, or a reply of another kind than the command's: said to the log, without what a key holds.
  private static func surprise(_ reply: RESPValue) -> Failure {
    guard case .error(let words) = reply else { return .sharedMemoryUnavailable("Redis replied with something else") }
    return .sharedMemoryUnavailable("Redis: " + String(decoding: words.prefix(200), as: UTF8.self))
  }
}

extension RESPValue {
  /// The one error that is part of the way.
  var isUnknownScript: Bool {
    if case .error(let words) = self { words.starts(with: "NOSCRIPT".utf8) } else { false }
  }

  /// Whether it says that a command could not be done.
  var isFailure: Bool {
    if case .error = self { !isUnknownScript } else { false }
  }
}
