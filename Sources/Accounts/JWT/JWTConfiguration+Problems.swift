import Foundation
import Web

extension JWTConfiguration {
  /// One setting that must stop the start. None of its texts holds a secret.
  package struct Problem: Sendable, Equatable {
    /// The setting as a path: `auth.jwt.secret`.
    package var setting: String
    /// What it should be.
    package var expected: String
    /// What it is; never a secret itself.
    package var came: String
    /// What to do about it, as a sentence.
    package var remedy: String
  }

  /// The longest leeway: clocks that are further apart want setting, not patience.
  package static let longestLeeway = Duration.seconds(600)

  /// What must stop the start. Reads the public key's file, if one is named.
  package func problems() -> [Problem] {
    [sourceProblem, leewayProblem].compactMap(\.self) + nameProblems
  }

  private var sourceProblem: Problem? {
    switch source {
    case .secret(let secret):
      return SecretStrength.weakness(of: secret).map {
        Problem(
          setting: "auth.jwt.secret", expected: "at least \(SecretStrength.leastBytes) bytes that nobody can guess",
          came: $0, remedy: "Make one with: openssl rand -hex 32")
      }
    case .publicKey(let text):
      do throws(PublicKeyText.Problem) {
        _ = try PublicKeyText.read(text)
        return nil
      } catch {
        return Problem(
          setting: "auth.jwt.public_key", expected: "a public key in PEM, or the path of one", came: error.came,
          remedy: error.remedy)
      }
    case .jwks(let url): return Self.isUsable(url) ? nil : Self.urlProblem
    }
  }

  private static let urlProblem = Problem(
    setting: "auth.jwt.jwks_url", expected: "an https:// address, or an http:// one on this machine",
    came: "another address (not shown)",
    remedy: "Give the issuer's address, such as https://id.example.com/.well-known/jwks.json, without user or password."
  )

  /// Whoever can change what comes from there can be anybody: it is fetched over TLS, or does not leave the machine.
  private static func isUsable(_ text: String) -> Bool {
    guard let url = URL(string: text), let host = url.host(percentEncoded: false), !host.isEmpty, url.user == nil,
      url.password == nil, url.fragment == nil
    else { return false }
    switch url.scheme?.lowercased() {
    case "https": return true
    case "http":
      let loopback = ["127.0.0.0/8", "::1"].compactMap(AddressRange.init)
      return host.lowercased() == "localhost" || loopback.contains { $0.contains(host) }
    default: return false
    }
  }

  private var leewayProblem: Problem? {
    guard leeway < .zero || leeway > Self.longestLeeway else { return nil }
    return Problem(
      setting: "auth.jwt.leeway", expected: "a duration from 0s to 10m", came: "\(leeway)",
      remedy: "Set the clocks of issuer and server, and leave 30s.")
  }

  /// Settings that were given empty would match nothing, or everything.
  private var nameProblems: [Problem] {
    let texts = [
      ("issuer", issuer), ("audience", audience), ("claims.user", claims.user), ("claims.tenant", claims.tenant),
      ("claims.plan", claims.plan), ("claims.role", claims.role), ("claims.scopes", claims.scopes),
    ]
    return texts.filter { $0.1?.isEmpty == true }.map {
      Problem(
        setting: "auth.jwt.\($0.0)", expected: "a text, or nothing at all", came: "an empty one",
        remedy: "Fill it in or take it out.")
    }
  }
}
