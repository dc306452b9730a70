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
  init(_ operation: ModelOperation, at endpoint: ProviderEndpoint, record: RequestRecord, body: ByteBuffer) {
    var headers = HTTPHeaders()
    headers.reserveCapacity(10)
    headers.add(name: "content-type", value: "application/json")
    headers.add(name: "accept", value: "application/json, text/event-stream")
    // Compressed answers would have to be unpacked to find their events and their usage.
    headers.add(name: "accept-encoding", value: "identity")
    headers.add(name: "user-agent", value: "apus")
    headers.add(name: "traceparent", value: record.trace.traceparent)
    if let state = record.trace.state { headers.add(name: "tracestate", value: state) }
    headers.add(name: "x-request-id", value: record.id)
    if let authorization = endpoint.authorization { headers.add(name: "authorization", value: authorization.reveal()) }
    self.init(method: .POST, path: endpoint.basePath + operation.path, headers: headers, body: body)
  }
}
