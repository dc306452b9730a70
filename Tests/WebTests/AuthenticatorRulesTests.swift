import Kernel
import Testing
import Wire

@testable import Web

@Suite("A key is known by what it is, wherever it stands")
struct AuthenticatorRulesTests {
  private static let ann = "ann"
  private static let bob = "bob"
  private static let known = Authenticator([
    (Secret("key-of-ann"), Caller(principal: Principal(name: ann, role: .user))),
    (Secret("key-of-bob"), Caller(principal: Principal(name: bob, role: .admin))),
  ])

  /// Who presents the key in these lines, as the door finds out.
  private static func name(for headers: [(String, String)]) async throws(Failure) -> String {
    let lines = HeaderLines(headers)
    guard let digest = PresentedKey.digest(in: lines), let text = PresentedKey.text(in: lines) else {
      throw Authenticator.missing
    }
    if let caller = known.known(digest) { return caller.principal.name }
    return try await known.find(text, digest).principal.name
  }

  @Test(
    "Each of the three headers does, and Authorization comes before x-api-key before api-key",
    arguments: [
      ([("Authorization", "Bearer key-of-ann")], ann), ([("authorization", "bearer key-of-ann")], ann),
      ([("AUTHORIZATION", "BEARER   key-of-ann")], ann), ([("x-api-key", "key-of-ann")], ann),
      ([("api-key", "key-of-ann")], ann), ([("X-Api-Key", "key-of-bob")], bob),
      ([("x-api-key", "key-of-bob"), ("authorization", "Bearer key-of-ann")], ann),
      ([("api-key", "key-of-bob"), ("x-api-key", "key-of-ann")], ann),
      ([("authorization", "Basic a2V5"), ("api-key", "key-of-bob")], bob),
      ([("authorization", "key-of-ann"), ("x-api-key", "key-of-bob")], bob),
    ])
  func accepted(headers: [(String, String)], name: String) async throws {
    #expect(try await Self.name(for: headers) == name)
  }

  @Test(
    "What is not a key is refused, without a word about the keys there are",
    arguments: [
      ([], "missing_api_key"), ([("authorization", "Basic key-of-ann")], "missing_api_key"),
      ([("authorization", "Bearer")], "missing_api_key"), ([("authorization", "key-of-ann")], "missing_api_key"),
      ([("cookie", "api-key=key-of-ann")], "missing_api_key"), ([("authorization", "Bearer ")], "invalid_api_key"),
      ([("authorization", "Bearer key-of-an")], "invalid_api_key"), ([("api-key", "")], "invalid_api_key"),
      ([("authorization", "Bearer key-of-annx")], "invalid_api_key"), ([("api-key", "KEY-OF-ANN")], "invalid_api_key"),
      ([("x-api-key", "key-of-ann key-of-bob")], "invalid_api_key"),
      ([("api-key", "Bearer key-of-ann")], "invalid_api_key"),
      // The first header decides: a wrong key there is not made good by a right one elsewhere.
      ([("authorization", "Bearer wrong"), ("x-api-key", "key-of-ann")], "invalid_api_key"),
      ([("authorization", "Bearer wrong"), ("authorization", "Bearer key-of-ann")], "invalid_api_key"),
      // SHA-256 of "key-of-ann": what is stored is not what is presented.
      (
        [("api-key", "ca64daa8b294dc4835d29ca02a6a47427ebc6a225ea3ac2e15f8417fb6601db2")],
        "invalid_api_key"
      ),
    ])
  func refused(headers: [(String, String)], reason: String) async {
    let failure = await #expect(throws: Failure.self) { try await Self.name(for: headers) }
    #expect(failure?.code == .unauthenticated)
    #expect(failure?.reason == reason)
    #expect(failure?.message.contains("key-of") == false)
  }
}
