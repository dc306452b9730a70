import CPostgres

/// Values as libpq sends them: texts with a zero byte behind them, and bytes as they are.
struct PostgresValues {
  private static let textFormat: Int32 = 0
  private static let binaryFormat: Int32 = 1

  private var bytes: [UInt8] = []
  /// Where each value begins; nil for NULL.
  private var starts: [Int?] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []

  init(_ values: [DatabaseValue]) {
    for value in values {
      switch value {
      case .null: add(nil, format: Self.textFormat)
      case .integer(let number): add(Array(String(number).utf8), format: Self.textFormat)
      case .real(let number): add(Array(Self.text(of: number).utf8), format: Self.textFormat)
      case .text(let text): add(Array(text.utf8), format: Self.textFormat)
      case .blob(let blob): add(blob, format: Self.binaryFormat)
      }
    }
  }

  private mutating func add(_ value: [UInt8]?, format: Int32) {
    starts.append(value == nil ? nil : bytes.count)
    lengths.append(Int32(value?.count ?? 0))
    formats.append(format)
    if let value { bytes += value + [0] }
  }

  private static func text(of number: Double) -> String {
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    return "\(number)"
  }

  /// Calls `body` with the values' addresses, lengths and formats.
  func withPointers<Value>(
    _ body: (_ values: [UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) -> Value
  ) -> Value {
    bytes.withUnsafeBytes { bytes in
      let first = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      return body(starts.map { start in start.flatMap { first?.advanced(by: $0) } }, lengths, formats)
    }
  }
}
