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
    if let name = reader.firstMissing {
      throw .invalid(name, "is required, and is missing", reason: "missing_required_parameter")
    }
    model = reader.model
    modelRange = reader.modelRange
    wantsStream = reader.wantsStream
  }

  /// The body with another model's name in it, in pieces; every other byte is as it came, and none is copied.
  func body(_ body: ByteBuffer, askingFor name: String) -> [ByteBuffer] {
    let start = body.readerIndex
    guard name != model,
      let before = body.getSlice(at: start, length: modelRange.lowerBound),
      let after = body.getSlice(
        at: start + modelRange.upperBound, length: body.readableBytes - modelRange.upperBound)
    else { return [body] }
    return [before, ByteBuffer(string: JSONString.encode(name)), after]
  }
}

/// One field of a request whose type is checked.
private struct Field: Sendable {
  var name: StaticString
  var kinds: JSONKinds
  var isRequired = false
}

/// Walks a body once and gathers what `ModelRequest` holds.
private struct FieldReader {
  let fields: [Field]
  /// One bit for each of `fields`.
  private var seen: UInt64 = 0
  var model = ""
  var modelRange = 0..<0
  var wantsStream = false

  init(fields: [Field]) {
    self.fields = fields
  }

  /// The first required field that did not come.
  var firstMissing: String? {
    fields.indices.first { fields[$0].isRequired && seen & (1 << $0) == 0 }.map { fields[$0].name.description }
  }

  private static let maximumFields = 1024
  private static let maximumModelBytes = 512
  /// Fields by which gateways further up let a caller choose an address or a key.
  private static let refusedFields: [StaticString] = ["api_key", "api_base", "base_url"]

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
      guard let position = fields.firstIndex(where: { $0.name ~= key }) else {
        if let name = Self.refusedFields.first(where: { $0 ~= key }) {
          throw Failure.invalid(
            name.description, "is the operator's to set: where requests go and with which key is configured")
        }
        try cursor.skip()
        return
      }
      let field = fields[position]
      // Which of two would count is for the provider to say, and what Apus checked must be what the provider reads.
      guard seen & (1 << position) == 0 else {
        throw Failure.invalid(field.name.description, "stands in the request twice")
      }
      seen |= 1 << position
      let kind = try cursor.peek()
      guard field.kinds.contains(JSONKinds(kind)) else {
        throw Failure.invalid(
          field.name.description, "expected \(field.kinds.list), came \(kind.article)", reason: "invalid_type")
      }
      try value(of: key, kind, &cursor)
    }
    try cursor.end()
  }

  private mutating func value(of key: JSONKey, _ kind: JSONKind, _ cursor: inout JSONCursor) throws {
    switch key {
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
        throw Failure.invalid(key.text, "expected a whole number", reason: "invalid_type")
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
  fileprivate var fields: [Field] {
    switch self {
    case .chat: Self.chatFields
    case .completion: Self.completionFields
    case .embedding: Self.embeddingFields
    }
  }

  private static let chatFields =
    [
      Field(name: "model", kinds: [.string], isRequired: true),
      Field(name: "messages", kinds: [.array], isRequired: true),
    ] + samplingFields + [
      Field(name: "max_completion_tokens", kinds: [.number, .null]), Field(name: "tools", kinds: [.array, .null]),
      Field(name: "tool_choice", kinds: [.string, .object, .null]),
      Field(name: "response_format", kinds: [.object, .null]), Field(name: "logprobs", kinds: [.bool, .null]),
      Field(name: "top_logprobs", kinds: [.number, .null]), Field(name: "parallel_tool_calls", kinds: [.bool, .null]),
    ]

  private static let completionFields =
    [
      Field(name: "model", kinds: [.string], isRequired: true),
      Field(name: "prompt", kinds: [.string, .array], isRequired: true),
    ] + samplingFields

  private static let embeddingFields = [
    Field(name: "model", kinds: [.string], isRequired: true),
    Field(name: "input", kinds: [.string, .array], isRequired: true),
    Field(name: "dimensions", kinds: [.number, .null]), Field(name: "encoding_format", kinds: [.string, .null]),
    Field(name: "user", kinds: [.string, .null]),
  ]

  private static let samplingFields = [
    Field(name: "stream", kinds: [.bool, .null]), Field(name: "stream_options", kinds: [.object, .null]),
    Field(name: "max_tokens", kinds: [.number, .null]), Field(name: "temperature", kinds: [.number, .null]),
    Field(name: "top_p", kinds: [.number, .null]), Field(name: "n", kinds: [.number, .null]),
    Field(name: "stop", kinds: [.string, .array, .null]), Field(name: "presence_penalty", kinds: [.number, .null]),
    Field(name: "frequency_penalty", kinds: [.number, .null]), Field(name: "logit_bias", kinds: [.object, .null]),
    Field(name: "seed", kinds: [.number, .null]), Field(name: "user", kinds: [.string, .null]),
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

extension JSONKinds {
  fileprivate var list: String {
    JSONKind.allCases.filter { contains(JSONKinds($0)) }.map(\.article).sorted().joined(separator: " or ")
  }
}
