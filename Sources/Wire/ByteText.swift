extension [UInt8] {
  /// Appends a text that is known beforehand.
  package mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends a text as UTF-8.
  package mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  /// Appends a whole number in decimal digits.
  package mutating func append(decimal number: Int) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(digits: UInt64(number.magnitude), radix: 10)
  }

  /// Appends a whole number from zero in decimal digits, with zeros before it up to `width` digits.
  package mutating func append(decimal number: Int, width: Int) {
    var bound = 10
    for _ in 1..<width {
      if number < bound { append(UInt8(ascii: "0")) }
      bound *= 10
    }
    append(digits: UInt64(number.magnitude), radix: 10)
  }

  /// Appends a length in hexadecimal digits.
  package mutating func append(hexadecimal length: Int) {
    append(digits: UInt64(length), radix: 16)
  }

  private mutating func append(digits number: UInt64, radix: UInt64) {
    // From the last digit to the first: 20 are enough for any number.
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var rest = number
    Swift.withUnsafeMutableBytes(of: &digits) { bytes in
      var start = bytes.count
      repeat {
        start -= 1
        let digit = UInt8(rest % radix)
        bytes[start] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        rest /= radix
      } while rest > 0
      append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
  }
}
