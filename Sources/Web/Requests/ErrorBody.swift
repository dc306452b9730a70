package import Kernel
package import NIOCore
package import Wire

/// A `Failure` as a client reads it.
package enum ErrorBody {
  /// Which of the two shapes: the providers' under `/v1/`, problem details (RFC 9457) everywhere else.
  package enum Shape: Sendable {
    case openAI, problem

    /// The shape for a path.
    package init(path: some StringProtocol) {
      self = path.hasPrefix("/v1/") ? .openAI : .problem
    }

    var contentType: String {
      self == .openAI ? "application/json" : "application/problem+json"
    }
  }

  /// OpenAI's error object: `{"error":{"message","type","param","code"}}`.
  package static func openAI(_ failure: Failure) -> String {
    let param = failure.details.first.map { JSONString.encode($0.field) } ?? "null"
    let code = failure.reason.map { JSONString.encode($0) } ?? "null"
    return """
      {"error":{"message":\(JSONString.encode(failure.message)),"type":"\(failure.code.openAIType)",\
      "param":\(param),"code":\(code)}}
      """
  }

  /// Problem details; every wrong field stands in `errors`.
  static func problem(_ failure: Failure, requestID: String) -> String {
    let errors = failure.details.map {
      #"{"field":\#(JSONString.encode($0.field)),"detail":\#(JSONString.encode($0.problem))}"#
    }
    let code = JSONString.encode(failure.reason ?? failure.code.rawValue)
    let list = errors.isEmpty ? "" : #","errors":[\#(errors.joined(separator: ","))]"#
    return """
      {"type":"about:blank","title":"\(failure.code.title)","status":\(failure.code.status),\
      "detail":\(JSONString.encode(failure.message)),"code":\(code),\
      "instance":\(JSONString.encode(requestID))\(list)}
      """
  }

  /// The answer's own header lines, and its body; its status is that of the failure's code.
  package static func answer(
    to failure: Failure, shape: Shape, requestID: String
  ) -> (lines: HeaderLines, body: ByteBuffer) {
    let text = shape == .openAI ? openAI(failure) : problem(failure, requestID: requestID)
    var lines = HeaderLines()
    lines.add("content-type", shape.contentType)
    if let after = failure.retryAfter {
      let seconds = after.components.seconds + (after.components.attoseconds > 0 ? 1 : 0)
      lines.add("retry-after", String(seconds))
    }
    if failure.code == .unauthenticated { lines.add("www-authenticate", "Bearer") }
    return (lines, ByteBuffer(string: text))
  }
}
