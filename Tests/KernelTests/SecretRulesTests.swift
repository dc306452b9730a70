import Kernel
import Testing

@Suite("A secret is seen by nobody who does not ask for it")
struct SecretRulesTests {
  private static let text = "sk-very-secret-0123456789"

  private struct Holder: Sendable {
    var name = "openai"
    var key = Secret(SecretRulesTests.text)
    var spare: Secret? = Secret(SecretRulesTests.text)
  }

  private enum Choice: Sendable { case key(Secret) }
  private struct Fault: Error { var key = Secret(SecretRulesTests.text) }

  @Test("It prints as three dots, alone and as anything's part")
  func texts() {
    let secret = Secret(Self.text)
    #expect(secret.description == "•••")
    #expect(secret.debugDescription == "•••")
    #expect("\(secret)" == "•••")
    #expect(String(describing: secret) == "•••")
    #expect(String(reflecting: secret) == "•••")
    for text in seen(secret) { #expect(!text.contains("secret"), "\(text)") }
  }

  @Test("No container, error or mirror shows it")
  func containers() {
    let secret = Secret(Self.text)
    let texts =
      seen([secret]) + seen(["key": secret]) + seen(Set([secret])) + seen(Optional(secret) as Any) + seen(Holder())
      + seen((secret, 1)) + seen(Choice.key(secret)) + seen(Fault()) + seen(Result<Secret, Fault>.failure(Fault()))
      + seen(Fault() as any Error) + seen(secret as Any) + seen([Holder()]) + seen(Live(Holder()))
    for text in texts { #expect(!text.contains("secret"), "\(text)") }
    #expect(String(describing: Holder()).contains("•••"), "the holder was printed")
  }

  @Test("It is read by asking for it")
  func reveal() {
    #expect(Secret(Self.text).reveal() == Self.text)
    #expect(Secret(Self.text) == Secret(Self.text))
    #expect(Secret(Self.text) != Secret("other"))
    #expect(Set([Secret(Self.text), Secret(Self.text)]).count == 1)
    #expect(Secret("").isEmpty)
    #expect(!Secret(" ").isEmpty)
  }

  /// Every way that Swift has to make a text of a value.
  private func seen<Value>(_ value: Value) -> [String] {
    var dumped = ""
    dump(value, to: &dumped)
    var printed = ""
    print(value, to: &printed)
    debugPrint(value, to: &printed)
    return ["\(value)", String(describing: value), String(reflecting: value), dumped, printed, leaves(value)]
  }

  /// What is found by walking mirrors, as loggers and debuggers do.
  private func leaves(_ value: Any) -> String {
    let mirror = Mirror(reflecting: value)
    guard !mirror.children.isEmpty else { return String(describing: value) }
    return mirror.children.map { leaves($0.value) }.joined(separator: " ")
  }
}
