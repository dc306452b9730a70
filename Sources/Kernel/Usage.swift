/// The tokens of one request, as the provider counted them.
package struct Usage: Sendable, Equatable {
  /// Tokens of the prompt, or of the texts to embed.
  package var inputTokens: Int
  /// Tokens of the answer.
  package var outputTokens: Int

  /// Makes a usage.
  package init(inputTokens: Int, outputTokens: Int) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
  }
}
