import Foundation
import Kernel

/// Judges the claims of a token whose signature was found good.
///
/// Source: RFC 7519, section 4.1; RFC 8725, sections 3.8 and 3.9.
struct ClaimRules {
  /// The last second of the year 9999: later dates are mistakes, such as milliseconds.
  static let latestDate = 253_402_300_799.0
  /// More digits than any honest date has.
  static let dateLimitBytes = 40
  /// In scalars: what a person would call a character has no bound.
  static let nameLimit = 256

  let configuration: JWTConfiguration
  /// In seconds since 1970.
  let now: Int64

  private var leeway: Double { configuration.leeway / .seconds(1) }

  /// Who the token speaks for.
  func judge(_ payload: [UInt8]) throws(TokenTrouble) -> VerifiedToken {
    let claims: JSONMembers
    do {
      claims = try JSONMembers(payload)
    } catch {
      throw TokenTrouble(.malformed, "the claims are not a JSON object with each name once")
    }
    let expires = try checkDates(claims)
    try checkIssuer(claims)
    try checkAudience(claims)
    let names = configuration.claims
    guard let subject = claims["sub"] else { throw TokenTrouble(.malformed, "no sub") }
    _ = try name(subject, "sub")
    guard let user = try name(claims, names.user) else { throw TokenTrouble(.malformed, "no \(names.user)") }
    return VerifiedToken(
      user: user, tenant: try name(claims, names.tenant), plan: try name(claims, names.plan),
      role: try role(claims), scopes: try scopes(claims), expires: expires)
  }

  // MARK: When

  private func checkDates(_ claims: JSONMembers) throws(TokenTrouble) -> Int64 {
    guard let expires = try date(claims, "exp") else { throw TokenTrouble(.malformed, "no exp") }
    guard Double(now) < expires + leeway else { throw TokenTrouble(.expired, "exp has passed") }
    for claim in ["nbf", "iat"] {
      guard let date = try date(claims, claim) else { continue }
      guard Double(now) + leeway >= date else { throw TokenTrouble(.notYetValid, "\(claim) is yet to come") }
    }
    return Int64(expires.rounded(.down))
  }

  private func date(_ claims: JSONMembers, _ claim: String) throws(TokenTrouble) -> Double? {
    guard let value = claims[claim] else { return nil }
    guard value.text.count <= Self.dateLimitBytes, let date = value.number, (0...Self.latestDate).contains(date) else {
      throw TokenTrouble(.malformed, "\(claim) is not a date in seconds since 1970")
    }
    return date
  }

  // MARK: From whom, for whom

  private func checkIssuer(_ claims: JSONMembers) throws(TokenTrouble) {
    guard let expected = configuration.issuer else { return }
    guard let issuer = claims["iss"]?.string, issuer.hasSameBytes(as: expected) else {
      throw TokenTrouble(.wrongIssuer, "iss is not the configured issuer")
    }
  }

  private func checkAudience(_ claims: JSONMembers) throws(TokenTrouble) {
    guard let expected = configuration.audience else { return }
    let value = claims["aud"]
    let audiences = value?.strings ?? value?.string.map { [$0] } ?? []
    guard audiences.contains(where: { $0.hasSameBytes(as: expected) }) else {
      throw TokenTrouble(.wrongAudience, "aud does not hold the configured audience")
    }
  }

  // MARK: Who

  private func value(_ claims: JSONMembers, _ path: String) throws(TokenTrouble) -> JSONValue? {
    do {
      return try claims.value(at: path[...])
    } catch {
      throw TokenTrouble(.malformed, "\(path) leads into an object with a name twice")
    }
  }

  private func name(_ claims: JSONMembers, _ path: String) throws(TokenTrouble) -> String? {
    guard let value = try value(claims, path) else { return nil }
    return try name(value, path)
  }

  private func name(_ value: JSONValue, _ path: String) throws(TokenTrouble) -> String {
    guard let name = value.string, !name.isEmpty, name.unicodeScalars.count <= Self.nameLimit, name.isPlainName else {
      throw TokenTrouble(.malformed, "\(path) is not a text of 1 to \(Self.nameLimit) plain characters")
    }
    return name
  }

  private func role(_ claims: JSONMembers) throws(TokenTrouble) -> Role {
    let path = configuration.claims.role
    guard let value = try value(claims, path) else { return .user }
    guard let role = value.string else { throw TokenTrouble(.malformed, "\(path) is not a text") }
    return role.hasSameBytes(as: Role.admin.rawValue) ? .admin : .user
  }

  private func scopes(_ claims: JSONMembers) throws(TokenTrouble) -> [String] {
    let path = configuration.claims.scopes
    guard let value = try value(claims, path) else { return [] }
    if let words = value.string { return words.split(separator: " ").map(String.init) }
    guard let scopes = value.strings else { throw TokenTrouble(.malformed, "\(path) is neither words nor a list") }
    return scopes
  }
}

extension String {
  /// Equal byte for byte. `==` also takes an accent written as a character of its own for the same.
  fileprivate func hasSameBytes(as other: String) -> Bool {
    utf8.elementsEqual(other.utf8)
  }

  /// Whether it can name somebody: no control characters or line ends, and in composed form (NFC), so that no two names
  /// are equal in Swift and different in a database.
  fileprivate var isPlainName: Bool {
    let isClean = unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
    guard isClean else { return false }
    return utf8.allSatisfy { $0 < 0x80 } || hasSameBytes(as: precomposedStringWithCanonicalMapping)
  }
}
