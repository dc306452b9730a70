import Foundation
import Kernel
import Testing

@testable import Accounts

@Suite("A configuration that lets others in stops the start")
struct JWTConfigurationRulesTests {
  /// Settings that can be guessed, and what is said about them.
  static let weakSecrets: [(String, String)] = [
    ("", "0 bytes"), ("secret", "6 bytes"), ("changeme", "8 bytes"), ("your-256-bit-secret", "19 bytes"),
    ("b1946ac92492d2347c6235b4d261118", "31 bytes"), ("ключ-ключ-ключ", "26 bytes"),
    (String(repeating: "a", count: 64), "only 1 different"), (String(repeating: "0123", count: 16), "only 4 different"),
    ("10110100111010100010111010010110", "only 2 different"),
    (String(repeating: "secret", count: 8), "only 5 different"),
    (String(repeating: "changeme", count: 4), "only 7 different"),
    (String(repeating: "k7Qz9!pW", count: 5), "easily guessed"),
    (String(repeating: "correct horse ", count: 3), "easily guessed"),
    ("your-256-bit-secret-your-256-bit-secret", "easily guessed"),
    ("your-256-bit-secret00000000000000000000", "easily guessed"),
    ("secret__________________________1234567", "easily guessed"),
    ("a-string-secret-at-least-256-bits-long", "easily guessed"),
    ("super-secret-jwt-token-with-at-least-32-characters-long", "easily guessed"),
    ("your-super-secret-jwt-token-with-at-least-32-characters-long", "easily guessed"),
    ("reallyreallyreallyreallyverysafe", "easily guessed"), ("qwertyuiopasdfghjklzxcvbnm123456", "easily guessed"),
    ("abcdefghijklmnopqrstuvwxyz0123456789", "easily guessed"), ("0123456789abcdef0123456789abcdef", "easily guessed"),
    ("MyVerySecureJWTSigningKeyForProduction!", "easily guessed"),
    ("please-change-this-password-in-production", "easily guessed"),
    ("ThisIsMySuperSecretKeyForJWTAuth2024", "easily guessed"),
    ("password-password-1234-admin-admin-1", "easily guessed"),
    ("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "example of a manual"),
    ("09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7!!", "example of a manual"),
    ("09d25e094faa6ca2556c818166b7a9563b93", "example of a manual"),
    ("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", "example of a manual"),
    ("255d861b-5ea1-5996-9aa3-922530ec40b1", "example of a manual"),
    ("404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970", "example of a manual"),
    (JWTFixedKeys.pem("PUBLIC KEY", JWTFixedKeys.smallRSA), "a key in PEM"),
  ]

  @Test("A weak secret is refused, and not shown", arguments: weakSecrets)
  func weak(text: String, came: String) throws {
    let configuration = JWTConfiguration(source: .secret(Secret(text)))
    let problem = try #require(configuration.problems().first)
    #expect(problem.setting == "auth.jwt.secret")
    #expect(problem.came.contains(came), "\(problem.came)")
    let shown = [problem.expected, problem.came, problem.remedy].joined()
    #expect(text.isEmpty || text == "secret" || !shown.contains(text))
    #expect(throws: Failure.self) { try TokenVerifier(configuration, logger: .silent) { 0 } }
  }

  @Test("Random secrets in every usual spelling pass")
  func strong() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let bytes = Data((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
      let hexadecimal = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      let spellings = [
        bytes.base64EncodedString(), bytes.base64URL, hexadecimal, UUID().uuidString + UUID().uuidString,
      ]
      for text in spellings { #expect(SecretStrength.weakness(of: Secret(text)) == nil, "\(text)") }
    }
    let phrase = Secret("gravel monsoon tinsel obelisk ferry quorum walnut")
    #expect(SecretStrength.weakness(of: phrase) == nil)
  }

  @Test("A public key is read from text, in one line, and from a file")
  func publicKeys() throws {
    for issuer in try JWTIssuer.published() {
      guard case .publicKey(let pem) = issuer.source else { continue }
      let file = FileManager.default.temporaryDirectory.appending(path: "apus-\(UUID()).pem")
      defer { unlink(file.path) }
      try Data("\n\(pem)\n".utf8).write(to: file)
      for text in [
        pem, pem + "\n", "  " + pem, pem.replacing("\n", with: "\\n"), pem.replacing("\n", with: "\r\n"), file.path,
      ] {
        #expect(try PublicKeyText.read(text).algorithm.rawValue == issuer.algorithm)
        #expect(JWTConfiguration(source: .publicKey(text)).problems().isEmpty)
      }
    }
  }

  static let badKeys: [(String, String)] = [
    ("", "neither PEM text nor a file"), ("no/such/file.pem", "neither PEM text nor a file"),
    ("/", "neither PEM text nor a file"),
    ("/dev/zero", "a file above 64KiB"), ("/dev/null", "not PEM"),
    (JWTFixedKeys.pem("PRIVATE KEY", JWTFixedKeys.rsa), "a private key"),
    (JWTFixedKeys.pem("EC PRIVATE KEY", "MHcC"), "a private key"),
    (JWTFixedKeys.pem("ENCRYPTED PRIVATE KEY", "MHcC"), "a private key"),
    (JWTFixedKeys.pem("PUBLIC KEY", JWTFixedKeys.smallRSA), "below 2048 bits"),
    (JWTFixedKeys.pem("PUBLIC KEY", JWTFixedKeys.p384), "another kind"),
    (JWTFixedKeys.pem("PUBLIC KEY", "AAAA"), "another kind"), (JWTFixedKeys.pem("PUBLIC KEY", "%%"), "another kind"),
    (JWTFixedKeys.pem("CERTIFICATE", "MIIB"), "a certificate"),
    (JWTFixedKeys.pem("DH PARAMETERS", "MIIB"), "not a whole public key"),
    ("-----BEGIN PUBLIC KEY-----\nMIIB", "not a whole public key"), ("-----BEGIN", "not PEM"),
    (
      JWTFixedKeys.pem("PUBLIC KEY", JWTFixedKeys.p384) + "\n" + JWTFixedKeys.pem("PUBLIC KEY", JWTFixedKeys.p384),
      "2 PEM blocks"
    ),
  ]

  @Test("What is no public key is refused, and not shown", arguments: badKeys)
  func badKey(text: String, came: String) throws {
    let problem = try #require(JWTConfiguration(source: .publicKey(text)).problems().first)
    #expect(problem.setting == "auth.jwt.public_key")
    #expect(problem.came.contains(came), "\(problem.came)")
    #expect(text.count < 3 || !problem.came.contains(text))
  }

  @Test(
    "Published keys come over TLS or from this machine",
    arguments: [
      ("https://id.example.com/jwks", true), ("HTTPS://id.example.com", true), ("https://id.example.com/a?b=c", true),
      ("http://127.0.0.1:8080/jwks", true), ("http://127.9.9.9/", true), ("http://[::1]:80/", true),
      ("http://localhost/jwks", true), ("http://id.example.com/jwks", false), ("http://localhost.example.com/", false),
      ("http://127.0.0.1.example.com/", false), ("http://localhost@example.com/", false), ("http://10.0.0.1/", false),
      ("https://user:password@id.example.com/", false), ("https://", false), ("", false),
      ("id.example.com/jwks", false),
      ("file:///etc/passwd", false), ("ftp://id.example.com/", false), ("https://id.example.com/#keys", false),
      ("http://0x7f.1/", false), ("https:/id.example.com", false),
    ])
  func urls(url: String, isGood: Bool) {
    let problems = JWTConfiguration(source: .jwks(url: url)).problems()
    #expect(problems.map(\.setting) == (isGood ? [] : ["auth.jwt.jwks_url"]))
  }

  @Test("All that is wrong is named at once")
  func several() {
    var configuration = JWTConfiguration(source: .secret(Secret("short")))
    (configuration.leeway, configuration.issuer, configuration.audience) = (.seconds(601), "", "")
    configuration.claims.plan = ""
    let expected = ["secret", "leeway", "issuer", "audience", "claims.plan"].map { "auth.jwt.\($0)" }
    #expect(configuration.problems().map(\.setting) == expected)
  }

  @Test("The defaults are those of the manual")
  func defaults() {
    let configuration = JWTConfiguration(source: JWTIssuer.secret.source)
    #expect(configuration.problems().isEmpty)
    #expect(configuration.leeway == .seconds(30))
    let claims = configuration.claims
    #expect(
      [claims.user, claims.tenant, claims.plan, claims.role, claims.scopes] == [
        "sub", "tenant", "plan", "role", "scope",
      ])
  }
}
