import Kernel
import NIOCore

/// Counts the requests of one connection. It keeps what counted the last one, since the next is mostly of the same
/// route, model and status: then nothing is looked up.
struct InstrumentCache {
  private struct Instruments {
    let route: String
    let model: String
    let duration: Histogram
    let overhead: Histogram
    let firstToken: Histogram
    let inputTokens: Counter
    let outputTokens: Counter
    var status: Int
    var requests: Counter
  }

  private var last: Instruments?

  /// Counts a request that has ended.
  mutating func count(_ record: RequestRecord, duration: TimeAmount, in metrics: Metrics) {
    let instruments = find(record, in: metrics)
    instruments.requests.add()
    instruments.duration.record(duration.seconds)
    instruments.overhead.record(record.work.total.seconds)
    if record.isStream, let first = record.firstOutput {
      instruments.firstToken.record((first - record.start).seconds)
    }
    if let usage = record.usage {
      instruments.inputTokens.add(usage.inputTokens)
      instruments.outputTokens.add(usage.outputTokens)
    }
  }

  private mutating func find(_ record: RequestRecord, in metrics: Metrics) -> Instruments {
    let route = record.routeLabel
    let model = record.model ?? ""
    if var last, last.route == route, last.model == model {
      if last.status != record.status {
        last.status = record.status
        last.requests = metrics.requests.with(route, model, String(record.status))
        self.last = last
      }
      return last
    }
    let found = Instruments(
      route: route, model: model, duration: metrics.durations.with(route, model),
      overhead: metrics.overheads.with(route), firstToken: metrics.firstTokens.with(model),
      inputTokens: metrics.tokens.with(model, "input"), outputTokens: metrics.tokens.with(model, "output"),
      status: record.status, requests: metrics.requests.with(route, model, String(record.status)))
    last = found
    return found
  }
}
