import Kernel
import NIOCore
import NIOHTTP1
import Web
import Wire

extension UpstreamRequest {
  /// A request as a provider of OpenAI's API takes it.
  ///
  /// Its headers are made here, one by one: nothing that a client sent as a header goes up, so neither can its key, a
  /// cookie or an address.
  init(_ operation: ModelOperation, at endpoint: ProviderEndpoint, record: RequestRecord, body: [ByteBuffer]) {
    var lines = HeaderLines()
    lines.add("content-type", "application/json")
    lines.add("accept", "application/json, text/event-stream")
    // Compressed answers would have to be unpacked to find their events and their usage.
    lines.add("accept-encoding", "identity")
    lines.add("user-agent", "apus")
    lines.add("traceparent", record.trace.traceparent)
    if let state = record.trace.state { lines.add("tracestate", state) }
    lines.add("x-request-id", record.id)
    if let authorization = endpoint.authorization { lines.add("authorization", authorization.reveal()) }
    self.init(method: .POST, path: endpoint.basePath + operation.path, lines: lines, body: body)
  }
}
