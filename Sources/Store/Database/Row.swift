package import Kernel

/// One row of an answer; its values are read by the names of their columns.
///
/// An unknown column, or a value of another type than asked for, is an internal error: the statement and the code that
/// reads its rows stand side by side in one store. With two columns of one name, the first is read.
package struct Row: Sendable, Equatable {
  /// The names of the columns, shared by all rows of an answer.
  package let columns: [String]
  /// The values, in the order of the columns.
  package let values: [DatabaseValue]

  /// Makes a row.
  package init(columns: [String], values: [DatabaseValue]) {
    self.columns = columns
    self.values = values
  }

  /// The value of a column, whatever its type.
  ///
  /// - Throws: `internalError` when the answer has no such column, as from all below.
  package func value(_ column: String) throws(Failure) -> DatabaseValue {
    guard let index = columns.firstIndex(of: column) else {
      throw .misread("there is no column \(column), only \(columns.joined(separator: ", "))")
    }
    return values[index]
  }

  /// A text.
  ///
  /// - Throws: `internalError` for NULL and for other types, as from all that do not return an optional.
  package func text(_ column: String) throws(Failure) -> String { try present(optionalText(column), column) }

  /// A text, or nil for NULL.
  package func optionalText(_ column: String) throws(Failure) -> String? {
    switch try value(column) {
    case .null: nil
    case .text(let text): text
    case let other: throw .misread("column \(column) holds \(other.kind), not text")
    }
  }

  /// A whole number.
  package func integer(_ column: String) throws(Failure) -> Int64 { try present(optionalInteger(column), column) }

  /// A whole number, or nil for NULL.
  package func optionalInteger(_ column: String) throws(Failure) -> Int64? {
    switch try value(column) {
    case .null: nil
    case .integer(let number): number
    case let other: throw .misread("column \(column) holds \(other.kind), not an integer")
    }
  }

  /// A number; a whole one is taken as well.
  package func real(_ column: String) throws(Failure) -> Double { try present(optionalReal(column), column) }

  /// A number, or nil for NULL; a whole one is taken as well.
  package func optionalReal(_ column: String) throws(Failure) -> Double? {
    switch try value(column) {
    case .null: nil
    case .real(let number): number
    case .integer(let number): Double(number)
    case let other: throw .misread("column \(column) holds \(other.kind), not a number")
    }
  }

  /// Whether a whole number is not 0.
  package func flag(_ column: String) throws(Failure) -> Bool { try integer(column) != 0 }

  /// Bytes.
  package func blob(_ column: String) throws(Failure) -> [UInt8] { try present(optionalBlob(column), column) }

  /// Bytes, or nil for NULL.
  package func optionalBlob(_ column: String) throws(Failure) -> [UInt8]? {
    switch try value(column) {
    case .null: nil
    case .blob(let bytes): bytes
    case let other: throw .misread("column \(column) holds \(other.kind), not bytes")
    }
  }

  private func present<Value>(_ value: Value?, _ column: String) throws(Failure) -> Value {
    guard let value else { throw .misread("column \(column) holds NULL") }
    return value
  }
}

extension DatabaseValue {
  /// The word for its type, in messages, which never hold the value itself.
  fileprivate var kind: String {
    switch self {
    case .null: "NULL"
    case .integer: "an integer"
    case .real: "a real number"
    case .text: "text"
    case .blob: "bytes"
    }
  }
}
