package import Kernel

/// `auth.jwt`: which signed tokens of another party prove who is asking. Left out, none do.
package struct JWTConfiguration: Sendable, Equatable {
  /// Where the key comes from; it alone decides the algorithm, never the token.
  package enum Source: Sendable, Equatable {
    /// `secret`: shared with whoever signs, for HS256; at least 32 bytes that nobody can guess. Whoever holds it can
    /// also make tokens.
    case secret(Secret)
    /// `public_key`: a public key as PEM text (`-----BEGIN PUBLIC KEY-----`), or the path of a file that holds it. RSA
    /// from 2048 bits is for RS256, EC on P-256 for ES256, Ed25519 for EdDSA.
    case publicKey(String)
    /// `jwks_url`: the address of a JSON Web Key Set, `https://…`, or `http://…` on this machine. Its keys are fetched
    /// when the first token comes, kept as long as the answer's `Cache-Control: max-age` says (from 5 minutes to 24
    /// hours, 1 hour without one), and fetched again when a token names a key that is not among them: at most once
    /// in 10 seconds.
    case jwks(url: String)
  }

  /// The names of the claims that say who is asking. A dot goes into objects: `app_metadata.plan`. Where a claim's own
  /// name holds dots, as in `https://example.com/plan`, that claim wins.
  package struct Claims: Sendable, Equatable {
    /// The user: required, a text of 1 to 256 characters. Defaults to `sub`.
    package var user = "sub"
    /// The tenant, a text; a token without it belongs to no tenant. Defaults to `tenant`.
    package var tenant = "tenant"
    /// The name of a plan in `plans`. Defaults to `plan`.
    package var plan = "plan"
    /// `admin`, exactly, makes an admin; any other text a user. Defaults to `role`.
    package var role = "role"
    /// Words with spaces between them, or a list of texts. Defaults to `scope`.
    package var scopes = "scope"

    /// The usual names.
    package init() {}
  }

  /// Where the key comes from.
  package var source: Source
  /// What `iss` must be, byte for byte. Without it, `iss` is not looked at.
  package var issuer: String?
  /// What `aud` must be, or hold when it is a list. Without it, a token that was made for another service of the same
  /// issuer passes here too.
  package var audience: String?
  /// How far the clocks of issuer and server may be apart: added to `exp`, taken from `nbf` and `iat`; at most 10
  /// minutes. Defaults to 30 s.
  package var leeway = Duration.seconds(30)
  /// The names of the claims.
  package var claims = Claims()

  /// The defaults, with a source.
  package init(source: Source) {
    self.source = source
  }
}
