import Foundation
import Kernel
import Testing

@testable import Accounts

/// A token that must not pass, and what its bearer is told.
struct JWTForgery: Sendable, CustomTestStringConvertible {
  /// Who is trusted.
  enum Trusted: Sendable {
    case secret, rsa, ec, ed25519

    func issuer() throws -> JWTIssuer {
      switch self {
      case .secret: .secret
      case .rsa: try .rsa()
      case .ec: .ec
      case .ed25519: try JWTIssuer.ed25519.get()
      }
    }
  }

  let testDescription: String
  let trusted: Trusted
  let kind: TokenTrouble.Kind
  let make: @Sendable (JWTIssuer) async throws -> String

  init(
    _ name: String, _ trusted: Trusted, _ kind: TokenTrouble.Kind,
    make: @escaping @Sendable (JWTIssuer) async throws -> String
  ) {
    testDescription = name
    self.trusted = trusted
    self.kind = kind
    self.make = make
  }

  /// One whose claims alone are wrong: the trusted issuer has signed it.
  init(_ name: String, claims: String, _ kind: TokenTrouble.Kind = .malformed) {
    self.init(name, .secret, kind) { try await $0.token(claims) }
  }

  /// One whose header alone is wrong: the trusted issuer has signed it.
  init(_ name: String, header: String, _ kind: TokenTrouble.Kind = .malformed) {
    self.init(name, .secret, kind) { try await $0.token(header: header) }
  }

  /// Every verifier of the table wants this issuer and this audience, and tokens have them unless said otherwise.
  static let issuer = "https://id.example.com/"
  static let audience = "apus"
  static let honest = #"{"sub":"ada","exp":1700000600,"iss":"https://id.example.com/","aud":"apus"}"#

  static let all = algorithms + signatures + headers + texts + dates + people

  // MARK: The algorithm is the key's

  private static let algorithms: [JWTForgery] =
    ["none", "None", "NONE", "nOnE"].flatMap { name in
      [
        JWTForgery("alg \(name), without a signature", .rsa, .malformed) {
          try await $0.token(header: #"{"alg":"\#(name)"}"#).prefix { $0 != "." } + "."
            + Data(honest.utf8).base64URL + "."
        },
        JWTForgery("alg \(name), with a true signature", .rsa, .signature) {
          try await $0.token(header: #"{"alg":"\#(name)"}"#, honest)
        },
      ]
    } + [
      JWTForgery("HS256 with the RSA key's PEM as secret", .rsa, .signature) { try await confused($0, \.self) },
      JWTForgery("HS256 with the RSA key's PEM and a line end", .rsa, .signature) {
        try await confused($0) { $0 + "\n" }
      },
      JWTForgery("HS256 with the EC key's PEM as secret", .ec, .signature) { try await confused($0, \.self) },
      JWTForgery("HS256 with the EC key's PEM and a line end", .ec, .signature) {
        try await confused($0) { $0 + "\n" }
      },
      JWTForgery("HS256 with the Ed25519 key's PEM as secret", .ed25519, .signature) { try await confused($0, \.self) },
      JWTForgery("HS256 with the RSA key's DER as secret", .rsa, .signature) {
        try await JWTIssuer.hmac(pem(of: $0).derBytes).token(honest)
      },
      JWTForgery("HS256 with the EC key's DER as secret", .ec, .signature) {
        try await JWTIssuer.hmac(pem(of: $0).derBytes).token(honest)
      },
      JWTForgery("RS256 over the secret", .secret, .signature) {
        try await $0.token(header: #"{"alg":"RS256"}"#, honest)
      },
      JWTForgery("HS384, which is not the secret's", .secret, .signature) {
        try await $0.token(header: #"{"alg":"HS384"}"#, honest)
      },
      JWTForgery("RS512, which is not the key's", .rsa, .signature) {
        try await $0.token(header: #"{"alg":"RS512"}"#, honest)
      },
      JWTForgery("hs256 in small letters", header: #"{"alg":"hs256"}"#, .signature),
      JWTForgery("alg with a space behind it", header: #"{"alg":"HS256 "}"#, .signature),
      JWTForgery("ES256 for RSA's signature", .rsa, .signature) {
        try await $0.token(header: #"{"alg":"ES256"}"#, honest)
      },
    ]

  private static func pem(of issuer: JWTIssuer) -> String {
    guard case .publicKey(let pem) = issuer.source else { return "" }
    return pem
  }

  private static func confused(_ issuer: JWTIssuer, _ change: (String) -> String) async throws -> String {
    try await JWTIssuer.hmac(Array(change(pem(of: issuer)).utf8)).token(honest)
  }

  // MARK: The signature

  private static let signatures: [JWTForgery] = [
    JWTForgery("another secret", .secret, .signature) { _ in try await JWTIssuer.otherSecret.token(honest) },
    JWTForgery("another RSA key", .rsa, .signature) { _ in try await JWTIssuer.otherRSA().token(honest) },
    JWTForgery("another EC key", .ec, .signature) { _ in try await JWTIssuer.otherEC.token(honest) },
    JWTForgery("an ES256 signature of zeros", .ec, .signature) {
      try await replaced($0, [UInt8](repeating: 0, count: 64))
    },
    JWTForgery("an ES256 signature in DER", .ec, .signature) {
      let plain = try await $0.sign("x")
      return try await replaced($0, [0x30, 0x44, 0x02, 0x20] + plain.prefix(32) + [0x02, 0x20] + plain.suffix(32))
    },
    JWTForgery("an ES256 signature in broken DER", .ec, .signature) {
      try await replaced($0, [0x30, 0x80, 0x02, 0x01, 0x00])
    },
    JWTForgery("an ES256 signature of the order itself", .ec, .signature) {
      let order = "/////wAAAAD//////////7zm+q2nF56E87nKwvxjJVE=".base64Bytes
      return try await replaced($0, order + order)
    },
    JWTForgery("an Ed25519 signature of zeros", .ed25519, .signature) {
      try await replaced($0, [UInt8](repeating: 0, count: 64))
    },
    JWTForgery("an RSA signature of zeros", .rsa, .signature) {
      try await replaced($0, [UInt8](repeating: 0, count: 256))
    },
    JWTForgery("an RSA signature of 1", .rsa, .signature) {
      try await replaced($0, [UInt8](repeating: 0, count: 255) + [1])
    },
    JWTForgery("an empty signature", .secret, .malformed) {
      try await $0.token(honest).split(separator: ".").prefix(2).joined(separator: ".") + "."
    },
    JWTForgery("a signature of one byte", .secret, .signature) { try await replaced($0, [0]) },
    JWTForgery("a signature with a byte more", .secret, .signature) {
      try await replaced($0, $0.sign("x") + [0])
    },
    JWTForgery("the claims of another good token", .secret, .signature) {
      let first = try await $0.token(honest).split(separator: ".")
      let second = try await $0.token(honest.replacing("ada", with: "bob")).split(separator: ".")
      return "\(first[0]).\(second[1]).\(first[2])"
    },
  ]

  private static func replaced(_ issuer: JWTIssuer, _ signature: [UInt8]) async throws -> String {
    let parts = try await issuer.token(honest).split(separator: ".")
    return "\(parts[0]).\(parts[1]).\(Data(signature).base64URL)"
  }
}

extension String {
  /// What lies in a PEM text.
  fileprivate var derBytes: [UInt8] {
    split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined().base64Bytes
  }
}
