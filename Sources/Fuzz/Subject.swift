/// What can be fuzzed: a case, what it does with an input, and a folder of first inputs in `Scripts/fuzz`.
enum Subject: String, CaseIterable {
  case json, body, events, requests, answers, exchange

  func check(_ input: UnsafeRawBufferPointer) {
    switch self {
    case .json: JSONSubject.check(input)
    case .body: BodySubject.check(input)
    case .events: EventsSubject.check(input)
    case .requests: HTTPSubject.checkRequests(input)
    case .answers: HTTPSubject.checkAnswers(input)
    case .exchange: ExchangeSubject.check(input)
    }
  }

  /// The one that the command line names.
  static let chosen = allCases.first { CommandLine.arguments.dropFirst().first == "--" + $0.rawValue }
}

/// Ends the process when a promise is not kept: that is how libFuzzer learns which input to keep.
func expect(
  _ isKept: Bool, _ promise: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line
) {
  if !isKept { fatalError("not so: \(promise())", file: file, line: line) }  // a mistake found: this is to show it
}
