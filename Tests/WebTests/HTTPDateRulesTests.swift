import Testing

@testable import Web

@Suite("Dates are written as HTTP writes them")
struct HTTPDateRulesTests {
  @Test(
    "A second has one text",
    arguments: [
      // RFC 9110, section 5.6.7.
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ])
  func text(second: Int, expected: String) {
    #expect(HTTPDate.text(second) == expected)
  }
}
