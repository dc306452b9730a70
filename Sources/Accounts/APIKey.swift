import Kernel
import Web

/// A key that was made over the API or by `apus keys`; the secret itself is nowhere kept.
package struct APIKey: Sendable, Equatable {
  /// How it is called by everything but its bearer: `key_…`.
  package var id: String
  /// The first characters of the secret, for people to tell keys apart.
  package var prefix: String
  /// What it allows, and whom it stands for.
  package var terms: KeyTerms
  /// When it was made, in milliseconds since 1970.
  package var createdAt: Int64
  /// When it was revoked, in milliseconds since 1970; nil while it works.
  package var revokedAt: Int64?
  /// Until when the secret before the last rotation still works, in milliseconds since 1970.
  package var previousUntil: Int64?

  /// A secret and what is kept of it.
  struct Material {
    let secret: String
    let hash: String
    let prefix: String

    /// A fresh one.
    init() {
      secret = KeyText.fresh
      hash = KeyDigest(of: secret).hexadecimal
      prefix = String(secret.prefix(KeyText.prefix.count + 8))
    }
  }
}

/// How secrets of Apus's own making are written.
package enum KeyText {
  static let prefix = "apus-"

  /// Whether a text could be such a secret: no other one is looked up.
  static func isWellFormed(_ text: String) -> Bool {
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    return text.utf8.starts(with: prefix.utf8) && digits.count == 64
      && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// A fresh secret: `apus-` and 256 random bits as 64 hexadecimal digits.
  package static var fresh: String { prefix + randomHexadecimal(digits: 64) }

  /// Digits from the system's generator, which is fit for secrets.
  static func randomHexadecimal(digits: Int) -> String {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("0123456789abcdef".utf8)
    return String(decoding: (0..<digits).map { _ in alphabet[Int(generator.next() & 15)] }, as: UTF8.self)
  }
}

/// Whose limits: a user of a tenant, or of none.
package struct UserName: Sendable, Hashable {
  /// The tenant; empty for none.
  package var tenant: String
  /// The user.
  package var user: String

  /// Names a user.
  package init(tenant: String?, user: String) {
    self.tenant = tenant ?? ""
    self.user = user
  }
}
