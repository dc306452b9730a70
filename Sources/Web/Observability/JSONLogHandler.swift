package import Logging

/// Takes what is logged through swift-log into the one log, as JSON lines.
package struct JSONLogHandler: LogHandler {
  package var logLevel = Logger.Level.info
  package var metadata = Logger.Metadata()
  package var metadataProvider: Logger.MetadataProvider?
  private let sink: LogSink

  /// A handler that writes to `sink`.
  package init(sink: LogSink) {
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = LogLine(level: event.level, message: event.message.description)
    let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    for (name, value) in all.sorted(by: { $0.key < $1.key }) { line.add(name: name, value.description) }
    sink.write(line)
  }
}
