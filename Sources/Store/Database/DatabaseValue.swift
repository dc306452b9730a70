/// A value on its way into a statement, or out of a row.
///
/// Booleans travel as integers, 0 and 1. A text with the character U+0000 and a number that is none (NaN) are refused
/// by `Transaction`, because the two databases would each make something else of them.
package enum DatabaseValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  /// A text, or NULL.
  package init(_ text: String?) {
    self = text.map(DatabaseValue.text) ?? .null
  }

  /// A number, or NULL.
  package init(_ number: Int?) {
    self = number.map { .integer(Int64($0)) } ?? .null
  }

  /// A number, or NULL.
  package init(_ number: Int64?) {
    self = number.map(DatabaseValue.integer) ?? .null
  }

  /// A number, or NULL.
  package init(_ number: Double?) {
    self = number.map(DatabaseValue.real) ?? .null
  }

  /// 1 for true, 0 for false, or NULL.
  package init(_ flag: Bool?) {
    self = flag.map { .integer($0 ? 1 : 0) } ?? .null
  }

  /// Bytes, or NULL.
  package init(_ bytes: [UInt8]?) {
    self = bytes.map(DatabaseValue.blob) ?? .null
  }
}

extension DatabaseValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// A text.
  package init(stringLiteral text: String) { self = .text(text) }
  /// A whole number.
  package init(integerLiteral number: Int64) { self = .integer(number) }
  /// A number.
  package init(floatLiteral number: Double) { self = .real(number) }
  /// 1 or 0.
  package init(booleanLiteral flag: Bool) { self = .integer(flag ? 1 : 0) }
  /// NULL.
  package init(nilLiteral: ()) { self = .null }
}
