import CPostgres
import Glibc
import Kernel

/// A connection to PostgreSQL, used by one thread; every wait on the server has an end.
final class PostgresConnection {
  /// What is wrong, in the terms that decide what happens next.
  enum Problem: Error {
    /// The connection is gone, and was closed.
    case lost(String)
    /// The server did not answer in time; the connection was closed.
    case silent
    /// The server refused a statement: its five characters, and what may be logged.
    case refused(state: String, String)
  }

  private let options: PostgresOptions
  private let library: UnsafePointer<apus_postgres>
  private var handle: OpaquePointer?
  /// The names of the statements that the server has prepared, by their text.
  private var prepared: [String: String] = [:]
  private var preparedCount = 0

  /// Connects.
  init(_ options: PostgresOptions, settings: String) throws(Problem) {
    self.options = options
    library = options.library.functions
    let deadline = ContinuousClock.now + options.connectLimit
    handle = options.start()
    guard handle != nil else { throw .lost("libpq has no memory") }
    try connect(until: deadline)
    _ = try simple(settings, until: deadline)
  }

  deinit { close() }

  /// Whether it was lost, or closed.
  var isClosed: Bool { handle == nil }

  func close() {
    library.pointee.PQfinish(handle)  // nothing for NULL
    handle = nil
  }

  /// Runs a statement without values, or several.
  func simple(_ sql: String, until deadline: ContinuousClock.Instant) throws(Problem) -> PostgresResult {
    try check(library.pointee.PQsendQuery(handle, sql))
    return try result(until: deadline)
  }

  /// Runs a statement that is prepared when it is seen for the first time.
  func run(
    _ sql: String, _ values: [DatabaseValue], until deadline: ContinuousClock.Instant
  ) throws(Problem) -> PostgresResult {
    let name = try name(for: sql, until: deadline)
    let sent = PostgresValues(values).withPointers { pointers, lengths, formats in
      library.pointee.PQsendQueryPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 0)
    }
    try check(sent)
    return try result(until: deadline)
  }

  private func name(for sql: String, until deadline: ContinuousClock.Instant) throws(Problem) -> String {
    if let name = prepared[sql] { return name }
    if prepared.count >= 256 {
      _ = try simple("DEALLOCATE ALL", until: deadline)
      prepared = [:]
    }
    preparedCount += 1
    let name = "apus\(preparedCount)"
    try check(library.pointee.PQsendPrepare(handle, name, sql, 0, nil))
    _ = try result(until: deadline)
    prepared[sql] = name
    return name
  }

  // MARK: The wire

  private func connect(until deadline: ContinuousClock.Instant) throws(Problem) {
    _ = library.pointee.PQsetNoticeReceiver(handle, apus_postgres_ignore, nil)
    var state = PGRES_POLLING_WRITING
    while state != PGRES_POLLING_OK {
      guard library.pointee.PQstatus(handle) != CONNECTION_BAD, state != PGRES_POLLING_FAILED else { throw lost() }
      try wait(for: state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until: deadline)
      state = library.pointee.PQconnectPoll(handle)
    }
    try check(library.pointee.PQsetnonblocking(handle, 1) == 0 ? 1 : 0)
  }

  /// Sends what is to be sent, and gathers what comes until the server is ready for the next statement.
  private func result(until deadline: ContinuousClock.Instant) throws(Problem) -> PostgresResult {
    try flush(until: deadline)
    var last: PostgresResult?
    var refusal: Problem?
    while let next = try nextResult(until: deadline) {
      let result = PostgresResult(next, library)
      if result.isCopy { throw lost("COPY is not for here") }
      if refusal == nil { refusal = result.refusal(options) }
      last = result
    }
    if library.pointee.PQstatus(handle) == CONNECTION_BAD { throw lost() }
    if let refusal { throw refusal }
    guard let last else { throw lost() }
    return last
  }

  private func flush(until deadline: ContinuousClock.Instant) throws(Problem) {
    while true {
      let left = library.pointee.PQflush(handle)
      if left == 0 { return }
      guard left == 1 else { throw lost() }
      // Reads too: the server may stop reading until what it sent is taken.
      try wait(for: POLLIN | POLLOUT, until: deadline)
      try check(library.pointee.PQconsumeInput(handle))
    }
  }

  private func nextResult(until deadline: ContinuousClock.Instant) throws(Problem) -> OpaquePointer? {
    while library.pointee.PQisBusy(handle) != 0 {
      try wait(for: POLLIN, until: deadline)
      // What came before the end, such as why the server closes, is still to be had from PQgetResult.
      if library.pointee.PQconsumeInput(handle) == 0 { break }
    }
    return library.pointee.PQgetResult(handle)
  }

  private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(Problem) {
    var source = pollfd(fd: library.pointee.PQsocket(handle), events: Int16(events), revents: 0)
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw silent() }
      let ready = poll(&source, 1, Int32(min(left.inSeconds * 1000, 60_000)) + 1)
      if ready > 0 { return }
      guard ready == 0 || errno == EINTR else { throw lost(String(cString: strerror(errno))) }
    }
  }

  private func check(_ success: Int32) throws(Problem) {
    if success == 0 { throw lost() }
  }

  private func silent() -> Problem {
    close()
    return .silent
  }

  /// Closes it; says why, by libpq unless told.
  private func lost(_ why: String? = nil) -> Problem {
    let words = why ?? library.pointee.PQerrorMessage(handle).map { options.cleaned(String(cString: $0)) } ?? ""
    close()
    return .lost(words.isEmpty ? "the connection was lost" : words)
  }
}

extension PostgresOptions {
  /// Begins to connect; looks up the host's name, which may take as long as the system's resolver does.
  fileprivate func start() -> OpaquePointer? {
    let all = Array(revealed)
    return withCStrings(all.map(\.key)) { names in
      withCStrings(all.map(\.value)) { values in
        library.functions.pointee.PQconnectStartParams(names, values, 0)
      }
    }
  }
}

/// Calls `body` with C texts, and NULL behind the last.
private func withCStrings<Value>(
  _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
  let copies = texts.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  let pointers = copies.map { UnsafePointer($0) } + [nil]
  return pointers.withUnsafeBufferPointer { buffer in
    // There is one element at least, so there is an address.
    body(buffer.baseAddress ?? UnsafePointer(bitPattern: 8).unsafelyUnwrapped)
  }
}
