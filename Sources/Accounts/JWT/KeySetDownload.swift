import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// Fetches a key set over HTTP: one answer, bounded in time and size, from that address and no other.
enum KeySetDownload {
  /// For all of it, the body's last byte included.
  static let limit = Duration.seconds(5)
  /// A hundred keys of 4096 bits, with their certificates, are less.
  static let bodyLimitBytes = 256 << 10

  /// What came: the body, and `max-age` in seconds if the answer said one.
  struct Answer: Sendable {
    var body: [UInt8]
    var maxAge: Int64?
  }

  /// Why nothing came.
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// Fetches it with a client of its own: the shared one follows redirects, and they would lead to an address that
  /// nobody configured. It happens seldom enough to set one up each time.
  static func fetch(_ url: String, within limit: Duration = limit) async throws -> Answer {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
    let result: Result<Answer, any Error>
    do { result = .success(try await inTime(limit) { try await download(url, client) }) } catch {
      result = .failure(error)
    }
    try? await client.shutdown()  // Fails when it was shut down before, and nobody else has it.
    return try result.get()
  }

  private static func download(_ url: String, _ client: HTTPClient) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
    let response = try await client.execute(request, deadline: .distantFuture)
    guard response.status == .ok else { throw Problem(description: "status \(response.status.code)") }
    let body = try await response.body.collect(upTo: bodyLimitBytes)
    return Answer(body: Array(body.readableBytesView), maxAge: maxAge(response.headers))
  }

  /// The client's own deadline ends with the answer's head.
  private static func inTime(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Answer) async throws
    -> Answer
  {
    try await withThrowingTaskGroup(of: Answer.self) { group in
      group.addTask(operation: body)
      group.addTask {
        try await Task.sleep(for: limit)
        throw Problem(description: "no whole answer within \(limit)")
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }

  /// Source: RFC 9111, section 5.2.2.1.
  static func maxAge(_ headers: HTTPHeaders) -> Int64? {
    let directives = headers[canonicalForm: "cache-control"].map { $0.lowercased() }
    return directives.first { $0.hasPrefix("max-age=") }.flatMap { Int64($0.dropFirst("max-age=".count)) }
  }
}
