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

  /// What must stop the start. Reads the public key's file, if one is named.
  package func problems() -> [Problem] {
    []
  }
}
