import Kernel
import NIOCore
import Wire

/// Stands in for Gateway's, which knows routes too; `ModelRequest.swift` here is Gateway's own file, by a link, so that
/// fuzzing its reader builds neither Web nor what that stands on.
enum ModelOperation: CaseIterable {
  case chat, completion, embedding
}

/// The reader of model requests: what it takes is JSON, and another model's name changes that name and nothing else.
enum BodySubject {
  /// A name that needs every kind of escape.
  private static let other = "other/\"model\"\\\n\u{7F}\u{1}é😀"

  static func check(_ input: UnsafeRawBufferPointer) {
    // Bodies rarely begin where their buffer does.
    var body = ByteBuffer(string: "{\"model\":")
    body.moveReaderIndex(to: body.writerIndex)
    body.writeBytes(input)
    for operation in ModelOperation.allCases {
      do throws(Failure) {
        check(try ModelRequest(body, for: operation), body, input, operation)
      } catch {
        expect(error.code == .invalidRequest, "refused as \(error)")
        expect(error.message.utf8.count < 300, "a client can read \(error.message)")
      }
    }
  }

  private static func check(
    _ request: ModelRequest, _ body: ByteBuffer, _ input: UnsafeRawBufferPointer, _ operation: ModelOperation
  ) {
    guard case .success = JSONSubject.verdict(on: input) else { return expect(false, "what is taken is JSON") }
    expect(request.body(body, askingFor: request.model) == [body], "the same name leaves the body alone")
    expect((0...input.count).contains(request.modelRange.upperBound), "the name stands in the body")
    let spliced = joined(request.body(body, askingFor: other))
    let view = spliced.readableBytesView
    let front = request.modelRange.lowerBound
    let back = input.count - request.modelRange.upperBound
    expect(view.prefix(front).elementsEqual(input.prefix(front)), "what is before the name stays")
    expect(view.suffix(back).elementsEqual(input.suffix(back)), "what is behind the name stays")
    do throws(Failure) {
      let again = try ModelRequest(spliced, for: operation)
      expect(again.model == other && again.wantsStream == request.wantsStream, "the new name is read")
      expect(again.modelRange == front..<(view.count - back), "the new name stands where the old one stood")
      // Back again: the name decoded and written is the name.
      let restored = try ModelRequest(joined(again.body(spliced, askingFor: request.model)), for: operation)
      expect(restored.model == request.model, "the old name is read again")
    } catch {
      expect(false, "with another name it is refused: \(error)")
    }
  }

  private static func joined(_ pieces: [ByteBuffer]) -> ByteBuffer {
    pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
  }
}
