import Kernel
import NIOCore
import Wire

/// The few things that Apus reads in a request to a model. The rest goes up as it came.
struct ModelRequest {
  /// The model that the client asked for.
  var model: String
  /// Where its name stands in the body, quotes included.
  var modelRange: Range<Int>
  var wantsStream: Bool

  /// Reads a body and checks the fields that every provider agrees on.
  ///
  /// - Throws: `invalidRequest`, with the first wrong field in `details`.
  init(_ body: ByteBuffer, for operation: ModelOperation) throws(Failure) {
    var reader = FieldReader(fields: operation.fields)
    do {
      try body.withUnsafeReadableBytes { try reader.read($0) }
    } catch let failure as Failure {
      throw failure
    } catch let error as JSONSyntaxError {
      throw Failure(
        .invalidRequest, reason: "invalid_json",
        "The request body is not valid JSON: expected \(error.expected) at byte \(error.offset).")
    } catch {
      throw Failure(.internalError, "The request could not be read.", cause: "\(error)")
    }
    for name in operation.requiredFields where !reader.seen.contains(name) {
      throw .invalid(name, "is required, and is missing", reason: "missing_required_parameter")
    }
    model = reader.model
    modelRange = reader.modelRange
    wantsStream = reader.wantsStream
  }

  /// The body with another model's name in it; every other byte is as it came.
  func body(_ body: ByteBuffer, askingFor name: String) -> ByteBuffer {
    guard name != model else { return body }
    let literal = JSONString.encode(name)
    var spliced = ByteBufferAllocator().buffer(capacity: body.readableBytes + literal.utf8.count)
    let bytes = body.readableBytesView
    let start = bytes.startIndex
    spliced.writeBytes(bytes[start..<(start + modelRange.lowerBound)])
    spliced.writeString(literal)
    spliced.writeBytes(bytes[(start + modelRange.upperBound)...])
    return spliced
  }
}

/// Walks a body once and gathers what `ModelRequest` holds.
private struct FieldReader {
  let fields: [String: Set<JSONKind>]
  var seen: Set<String> = []
  var model = ""
  var modelRange = 0..<0
  var wantsStream = false

  private static let maximumFields = 1024
  private static let maximumModelBytes = 512
  /// Fields by which gateways further up let a caller choose an address or a key.
  private static let refusedFields: Set<String> = ["api_key", "api_base", "base_url"]

  mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = JSONCursor(bytes)
    guard try cursor.peek() == .object else {
      throw Failure(.invalidRequest, reason: "invalid_json", "The request body must be a JSON object.")
    }
    var count = 0
    try cursor.members { key, cursor in
      count += 1
      if count > Self.maximumFields {
        throw Failure(.invalidRequest, "A request has at most \(Self.maximumFields) fields.")
      }
      let name = key.text
      guard let expected = fields[name] else {
        if Self.refusedFields.contains(name) {
          throw Failure.invalid(name, "is the operator's to set: where requests go and with which key is configured")
        }
        try cursor.skip()
        return
      }
      // Which of two would count is for the provider to say, and what Apus checked must be what the provider reads.
      guard seen.insert(name).inserted else { throw Failure.invalid(name, "stands in the request twice") }
      let kind = try cursor.peek()
      guard expected.contains(kind) else {
        throw Failure.invalid(name, "expected \(expected.list), came \(kind.article)", reason: "invalid_type")
      }
      try value(of: name, kind, &cursor)
    }
    try cursor.end()
  }

  private mutating func value(of name: String, _ kind: JSONKind, _ cursor: inout JSONCursor) throws {
    switch name {
    case "model":
      let start = cursor.offset
      model = try cursor.string()
      modelRange = start..<cursor.offset
      guard (1...Self.maximumModelBytes).contains(model.utf8.count) else {
        throw Failure.invalid("model", "must have 1 to \(Self.maximumModelBytes) bytes")
      }
    case "stream":
      if kind == .bool { wantsStream = try cursor.bool() } else { try cursor.skip() }
    case "messages":
      try messages(&cursor)
    case "max_tokens", "max_completion_tokens", "n", "seed", "top_logprobs", "dimensions":
      guard kind == .number else { return _ = try cursor.skip() }
      guard try cursor.integer() != nil else {
        throw Failure.invalid(name, "expected a whole number", reason: "invalid_type")
      }
    default:
      try cursor.skip()
    }
  }

  private func messages(_ cursor: inout JSONCursor) throws {
    var count = 0
    try cursor.elements { position, cursor in
      count += 1
      try message(position, &cursor)
    }
    if count == 0 { throw Failure.invalid("messages", "must hold at least one message") }
  }

  private func message(_ position: Int, _ cursor: inout JSONCursor) throws {
    let kind = try cursor.peek()
    guard kind == .object else { throw wrongType(position, "", "an object", kind) }
    var hasRole = false
    try cursor.members { key, cursor in
      let kind = try cursor.peek()
      switch key {
      case "role":
        guard kind == .string else { throw wrongType(position, ".role", "a string", kind) }
        hasRole = true
      case "content":
        guard kind == .string || kind == .array || kind == .null else {
          throw wrongType(position, ".content", "a string, an array or null", kind)
        }
      default: break
      }
      try cursor.skip()
    }
    if !hasRole {
      throw Failure.invalid(
        "messages[\(position)].role", "is required, and is missing", reason: "missing_required_parameter")
    }
  }

  private func wrongType(_ position: Int, _ member: String, _ expected: String, _ kind: JSONKind) -> Failure {
    .invalid("messages[\(position)]\(member)", "expected \(expected), came \(kind.article)", reason: "invalid_type")
  }
}

extension ModelOperation {
  /// The fields whose type is checked. Others go up unread.
  ///
  /// Source: OpenAI API reference, create chat completion, create completion, create embeddings.
  fileprivate var fields: [String: Set<JSONKind>] {
    switch self {
    case .chat: Self.chatFields
    case .completion: Self.completionFields
    case .embedding: Self.embeddingFields
    }
  }

  fileprivate var requiredFields: [String] {
    switch self {
    case .chat: ["model", "messages"]
    case .completion: ["model", "prompt"]
    case .embedding: ["model", "input"]
    }
  }

  private static let chatFields = samplingFields.merging(
    [
      "messages": [.array], "max_completion_tokens": [.number, .null], "tools": [.array, .null],
      "tool_choice": [.string, .object, .null], "response_format": [.object, .null], "logprobs": [.bool, .null],
      "top_logprobs": [.number, .null], "parallel_tool_calls": [.bool, .null],
    ], uniquingKeysWith: { $1 })

  private static let completionFields = samplingFields.merging(
    ["prompt": [.string, .array]], uniquingKeysWith: { $1 })

  private static let embeddingFields: [String: Set<JSONKind>] = [
    "model": [.string], "input": [.string, .array], "dimensions": [.number, .null],
    "encoding_format": [.string, .null], "user": [.string, .null],
  ]

  private static let samplingFields: [String: Set<JSONKind>] = [
    "model": [.string], "stream": [.bool, .null], "stream_options": [.object, .null], "max_tokens": [.number, .null],
    "temperature": [.number, .null], "top_p": [.number, .null], "n": [.number, .null],
    "stop": [.string, .array, .null], "presence_penalty": [.number, .null], "frequency_penalty": [.number, .null],
    "logit_bias": [.object, .null], "seed": [.number, .null], "user": [.string, .null],
  ]
}

extension JSONKind {
  fileprivate var article: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .bool: "true or false"
    case .null: "null"
    }
  }
}

extension Set<JSONKind> {
  fileprivate var list: String { map(\.article).sorted().joined(separator: " or ") }
}
