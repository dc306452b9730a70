/// The tokens of one request, as the provider counted them.
package struct Usage: Sendable, Equatable {
  package var inputTokens: Int
  package var outputTokens: Int

  /// Makes a usage.
  package init(inputTokens: Int, outputTokens: Int) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
  }
}
