import Kernel
import Testing

@testable import Accounts

/// Claims that an issuer has signed, and what they say.
struct JWTClaimsScenario: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let claims: String
  let expected: VerifiedToken
  let configure: @Sendable (inout JWTConfiguration) -> Void

  init(
    _ name: String, _ claims: String, _ expected: VerifiedToken,
    configure: @escaping @Sendable (inout JWTConfiguration) -> Void = { _ in }
  ) {
    testDescription = name
    self.claims = #"{"sub":"ada","exp":1700000600\#(claims.isEmpty ? "" : ",")\#(claims)}"#
    self.expected = expected
    self.configure = configure
  }

  private static func ada(
    tenant: String? = nil, plan: String? = nil, role: Role = .user, scopes: [String] = []
  ) -> VerifiedToken {
    VerifiedToken(user: "ada", tenant: tenant, plan: plan, role: role, scopes: scopes, expires: 1_700_000_600)
  }

  static let all: [JWTClaimsScenario] = [
    .init("The fewest claims", "", ada()),
    .init(
      "All of them", #""tenant":"acme","plan":"free","role":"admin","scope":"chat search""#,
      ada(tenant: "acme", plan: "free", role: .admin, scopes: ["chat", "search"])),
    .init("Null is nothing", #""tenant":null,"plan":null,"role":null,"scope":null,"nbf":null"#, ada()),
    .init("A role that is unknown is a user's", #""role":"owner""#, ada()),
    .init("Admin is written exactly so", #""role":"Admin""#, ada()),
    .init("Scopes in a list", #""scope":["chat","search docs"]"#, ada(scopes: ["chat", "search docs"])),
    .init("Scopes with spaces around", #""scope":" chat  search ""#, ada(scopes: ["chat", "search"])),
    .init("No scopes", #""scope":"""#, ada()),
    .init("Claims that nobody asked for", #""email":"a@example.com","amr":["pwd",{"x":[1,2]}],"n":1e400"#, ada()),
    .init("A name in escapes", #""tenant":"\u0061cm\u0065""#, ada(tenant: "acme")),
    .init("A name in another script", #""tenant":"株式会社é""#, ada(tenant: "株式会社é")),
    .init("An audience in a list", #""aud":["other","apus"]"#, ada()) { $0.audience = "apus" },
    .init("An audience alone", #""aud":"apus""#, ada()) { $0.audience = "apus" },
    .init("An issuer", #""iss":"me""#, ada()) { $0.issuer = "me" },
    .init("Issuer and audience that nobody asked for", #""iss":1,"aud":{}"#, ada()),
    .init("A path into objects", #""app_metadata":{"billing":{"plan":"gold"}}"#, ada(plan: "gold")) {
      $0.claims.plan = "app_metadata.billing.plan"
    },
    .init("A path that ends early", #""app_metadata":{"billing":"x"}"#, ada()) {
      $0.claims.plan = "app_metadata.billing.plan"
    },
    .init("A name with dots", #""https://example.com/plan":"gold""#, ada(plan: "gold")) {
      $0.claims.plan = "https://example.com/plan"
    },
    .init("A name with dots wins over a path", #""a.b":"name","a":{"b":"path"}"#, ada(plan: "name")) {
      $0.claims.plan = "a.b"
    },
    .init("A path through a name with dots", #""https://example.com/app":{"plan":"gold"}"#, ada(plan: "gold")) {
      $0.claims.plan = "https://example.com/app.plan"
    },
    .init(
      "Another claim for the user", #""email":"ada@example.com""#,
      VerifiedToken(user: "ada@example.com", expires: 1_700_000_600)
    ) { $0.claims.user = "email" },
    .init("Fractions of a second", #""nbf":1699999999.5,"iat":1.6999999995e9"#, ada()),
    .init("Dates within the leeway", #""nbf":1700000030,"iat":1700000030"#, ada()),
  ]
}

@Suite("An honest token is accepted")
struct JWTHonestTokensRulesTests {
  @Test("Of each algorithm", arguments: try JWTIssuer.all())
  func algorithms(issuer: JWTIssuer) async throws {
    let token = try await issuer.token()
    #expect(try await issuer.verifier().verify(token) == VerifiedToken(user: "ada", expires: 1_700_000_600))
  }

  @Test("Claims say who it is", arguments: JWTClaimsScenario.all)
  func claims(scenario: JWTClaimsScenario) async throws {
    let verifier = try JWTIssuer.secret.verifier(configure: scenario.configure)
    let token = try await JWTIssuer.secret.token(scenario.claims)
    #expect(try await verifier.verify(token) == scenario.expected)
  }

  @Test(
    "Headers as issuers write them",
    arguments: [
      #"{"alg":"HS256"}"#, #"{"typ":"jwt","alg":"HS256"}"#, #"{"alg":"HS256","typ":"at+jwt"}"#,
      #"{"alg":"HS256","typ":"application/at+jwt","kid":"../../etc/passwd"}"#, #"{"alg":"HS256","kid":null}"#,
      #" { "alg" : "HS256" , "kid" : "' OR 1=1 --" , "cty" : "JWT" } "#,
      #"{"alg":"HS256","jku":"https://id.example.com/","x5c":[],"x5t":"a"}"#,
    ])
  func headers(header: String) async throws {
    let issuer = JWTIssuer.secret
    #expect(try await issuer.verifier().verify(try await issuer.token(header: header)).user == "ada")
  }

  @Test(
    "It is good up to its last second and the leeway, and expires in whole seconds",
    arguments: [
      ("1700000600", 1_700_000_629, 1_700_000_600), ("1700000600.9", 1_700_000_630, 1_700_000_600),
      ("17000006e2", 1_700_000_000, 1_700_000_600), ("253402300799", 1_700_000_000, 253_402_300_799),
    ])
  func expiry(expiry: String, now: Int64, expires: Int64) async throws {
    let token = try await JWTIssuer.secret.token(#"{"sub":"ada","exp":\#(expiry)}"#)
    #expect(try await JWTIssuer.secret.verifier(at: now).verify(token).expires == expires)
  }

  @Test("Without leeway the second counts")
  func noLeeway() async throws {
    let token = try await JWTIssuer.secret.token()
    #expect(try await JWTIssuer.secret.verifier(at: 1_700_000_599) { $0.leeway = .zero }.verify(token).user == "ada")
    let late = try JWTIssuer.secret.verifier(at: 1_700_000_600) { $0.leeway = .zero }
    await #expect(throws: Failure.self) { try await late.verify(token) }
  }

  @Test(
    "The shape of a token is seen from outside",
    arguments: [
      ("eyJ.e30.c2ln", true), ("ey..", true), ("eyJ.e30", false), ("eyJ.e30.c2ln.x", false), ("apus-00ff", false),
      ("eyJ.e3 .c2ln", false), ("eyJ.e30.c2l=", false), ("", false), ("e", false), ("fyJ.e30.c2ln", false),
    ])
  func shape(text: String, isToken: Bool) {
    #expect(TokenVerifier.looksLikeToken(text.utf8) == isToken)
  }
}
