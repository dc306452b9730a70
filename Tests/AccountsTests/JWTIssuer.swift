import Testing
import Crypto
import Foundation
import JWTKit
import Kernel
import Logging

@testable import Accounts

/// Somebody who signs tokens: the honest one of a verifier, or another.
struct JWTIssuer: Sendable, CustomTestStringConvertible {
  let algorithm: String
  /// What a verifier that trusts it is configured with.
  let source: JWTConfiguration.Source
  /// The members of its public key as a JWK, without a name; none of a secret's.
  let jwk: String
  private let key: @Sendable () async throws -> any JWTAlgorithm

  var testDescription: String { algorithm }

  /// The second in which every test begins.
  static let now: Int64 = 1_700_000_000
  static let claims = #"{"sub":"ada","exp":1700000600}"#
  static let secretText = "b1946ac92492d2347c6235b4d2611184f7e0c5ab39d8e6f20c4417ba9d53fe68"

  static let secret = hmac(Array(secretText.utf8), Secret(secretText))
  static let otherSecret = hmac(Array(secretText.reversed().map { $0.asciiValue ?? 0 }), Secret(""))
  static let ec = JWTIssuer(ES256PrivateKey())
  static let otherEC = JWTIssuer(ES256PrivateKey())

  static func rsa() throws -> JWTIssuer { try JWTIssuer(rsa: JWTFixedKeys.rsa) }
  static func otherRSA() throws -> JWTIssuer { try JWTIssuer(rsa: JWTFixedKeys.otherRSA) }
  static let ed25519 = Result { try JWTIssuer(EdDSA.PrivateKey()) }

  static func all() throws -> [JWTIssuer] { [secret, try rsa(), ec, try ed25519.get()] }
  static func published() throws -> [JWTIssuer] { [try rsa(), ec, try ed25519.get()] }

  /// One who signs with HS256 and these bytes, whatever they are.
  static func hmac(_ bytes: [UInt8], _ secret: Secret = Secret("")) -> JWTIssuer {
    JWTIssuer(algorithm: "HS256", source: .secret(secret), jwk: "") {
      try await JWTKeyCollection().add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha256).getKey()
    }
  }

  private init(
    algorithm: String, source: JWTConfiguration.Source, jwk: String,
    key: @escaping @Sendable () async throws -> any JWTAlgorithm
  ) {
    self.algorithm = algorithm
    self.source = source
    self.jwk = jwk
    self.key = key
  }

  private init(rsa inside: String) throws {
    let key = try Insecure.RSA.PrivateKey(pem: JWTFixedKeys.pem("PRIVATE KEY", inside))
    let numbers = try key.publicKey.getKeyPrimitives()
    let (n, e) = (numbers.modulus.base64URL, numbers.publicExponent.base64URL)
    self.init(
      algorithm: "RS256", source: .publicKey(key.publicKey.pemRepresentation),
      jwk: #""kty":"RSA","n":"\#(n)","e":"\#(e)""#
    ) { try await JWTKeyCollection().add(rsa: key, digestAlgorithm: .sha256).getKey() }
  }

  private init(_ key: ES256PrivateKey) {
    let point = key.publicKey.parameters
    let (x, y) = (Data(base64Encoded: point?.x ?? "") ?? Data(), Data(base64Encoded: point?.y ?? "") ?? Data())
    self.init(
      algorithm: "ES256", source: .publicKey(key.publicKey.pemRepresentation),
      jwk: #""kty":"EC","crv":"P-256","x":"\#(x.base64URL)","y":"\#(y.base64URL)""#
    ) { try await JWTKeyCollection().add(ecdsa: key).getKey() }
  }

  private init(_ key: EdDSA.PrivateKey) {
    self.init(
      algorithm: "EdDSA", source: .publicKey(key.publicKey.pemRepresentation),
      jwk: #""kty":"OKP","crv":"Ed25519","x":"\#(key.publicKey.rawRepresentation.base64URL)""#
    ) { try await JWTKeyCollection().add(eddsa: key).getKey() }
  }

  // MARK: Tokens

  /// A token of any header and claims, truly signed; the usual ones when they are left out.
  func token(header: String? = nil, _ claims: String = claims) async throws -> String {
    try await token(header: Array((header ?? #"{"alg":"\#(algorithm)","typ":"JWT"}"#).utf8), Array(claims.utf8))
  }

  /// The same of any bytes.
  func token(header: [UInt8], _ claims: [UInt8]) async throws -> String {
    let signed = "\(Data(header).base64URL).\(Data(claims).base64URL)"
    return "\(signed).\(Data(try await sign(signed)).base64URL)"
  }

  /// The signature of a text.
  func sign(_ text: String) async throws -> [UInt8] {
    try await key().sign(Array(text.utf8))
  }

  // MARK: Who checks them

  /// A verifier that trusts this issuer, in the second in which every test begins.
  func verifier(
    at now: Int64 = now, configure: (inout JWTConfiguration) -> Void = { _ in }
  ) throws -> TokenVerifier {
    var configuration = JWTConfiguration(source: source)
    configure(&configuration)
    return try TokenVerifier(configuration, logger: .silent) { now }
  }
}

extension Logger {
  static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension Data {
  /// Base64 for addresses, without padding; made apart from the code under test.
  var base64URL: String {
    base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}

extension String {
  /// The bytes of base64 in either alphabet.
  var base64Bytes: [UInt8] {
    let plain = replacing("-", with: "+").replacing("_", with: "/")
    return Array(Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)) ?? Data())
  }
}
