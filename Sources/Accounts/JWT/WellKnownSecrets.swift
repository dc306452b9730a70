/// What stands in manuals and in every list that attackers try first.
enum WellKnownSecrets {
  /// Examples that look random, out of RFC 7515 (A.1) and the manuals and tutorials of FastAPI, Flask, Hasura, Directus
  /// and Spring, as lowercase letters and digits.
  static let examples = [
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "3EK6FD+o0+c7tzBNVfjpMkNDi2yARAAKzQlk8O2IKoxQu4nF7EdAh8s3TwpHwrdWT6R",
    "255d861b-5ea1-5996-9aa3-922530ec40b1",
    "6116487b-cda1-52c2-b5b5-c8022c45e263",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
  ].map(plain)

  /// A text as lowercase letters and digits alone.
  static func plain(_ text: String) -> String {
    text.lowercased().filter { $0.isLetter || $0.isNumber }
  }

  /// Words that people make secrets of; the longer of two that begin alike stands first, and is taken out first.
  static let words = [
    "development", "production", "characters", "passphrase", "reallyreally", "generated", "signature", "password",
    "changeme", "changeit", "insecure", "security", "platform", "localhost", "supabase", "hs256", "passwort", "default",
    "example", "private", "testing", "signing", "minimum", "letmein", "iloveyou", "welcome", "charset", "really",
    "secret", "secure", "string", "please", "change", "django", "random", "shared", "master", "public", "verify",
    "server", "client", "length", "should", "enough", "replace", "application", "application", "backend", "service",
    "access", "refresh", "admin", "token", "super", "least", "bytes", "hello", "world", "local", "value", "longer",
    "strong", "qwerty", "azerty", "asdf", "safe", "very", "long", "bits", "byte", "user", "your", "this", "that",
    "with", "must", "have", "more", "than", "auth", "sign", "test", "demo", "prod", "jwt", "key", "bit", "256", "the",
    "and", "for", "dev", "app", "api", "not", "use", "my", "me", "is", "at", "in", "to", "be", "a-",
  ]

  /// The letters as they lie side by side; the gaps part the rows.
  static let keyboard = Array("qwertyuiop asdfghjkl zxcvbnm 1234567890")
}
