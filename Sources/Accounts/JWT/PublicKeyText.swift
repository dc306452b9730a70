import Crypto
import Glibc
import JWTKit

/// Reads `auth.jwt.public_key`: PEM text, or the path of a file with it.
enum PublicKeyText {
  /// A key is a page, not a book.
  static let fileLimitBytes = 64 << 10

  /// Why there is no key: what came instead, and what to do.
  struct Problem: Error {
    var came: String
    var remedy = "Give the key that begins with '-----BEGIN PUBLIC KEY-----', or the path of its file."
  }

  /// The key of a setting. Its kind decides the algorithm.
  static func read(_ setting: String) throws(Problem) -> VerificationKey {
    let text = setting.contains("-----BEGIN") ? setting : try contents(of: setting)
    // As it comes out of an environment variable that cannot hold line ends; PEM itself has no backslash.
    let pem = try block(in: text.replacing("\\n", with: "\n"))
    // Throws for a key of another kind.
    if let key = try? ES256PublicKey(pem: pem) { return VerificationKey(material: .ec(key)) }
    // Throws for a key of another kind.
    if let key = try? EdDSA.PublicKey(pem: pem) { return VerificationKey(material: .ed25519(key)) }
    return try rsa(pem)
  }

  private static func rsa(_ pem: String) throws(Problem) -> VerificationKey {
    do {
      return VerificationKey(material: .rsa(try Insecure.RSA.PublicKey(pem: pem)))
    } catch CryptoKitError.incorrectParameterSize {
      throw Problem(came: "an RSA key below 2048 bits", remedy: "Have the issuer sign with a longer key.")
    } catch {
      throw Problem(
        came: "a public key of another kind, or a broken one",
        remedy: "Use RSA from 2048 bits, EC on P-256 or Ed25519.")
    }
  }

  /// The one PEM block of a text, which must be a public key.
  private static func block(in text: String) throws(Problem) -> String {
    let labels = text.matches(of: /-----BEGIN ([A-Z0-9 ]{1,40})-----/).map { String($0.1) }
    guard let label = labels.first else { throw Problem(came: "a text that is not PEM") }
    guard !labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
      throw Problem(
        came: "a private key",
        remedy: "Keep it where tokens are signed, and give its public half: openssl pkey -in KEY -pubout")
    }
    guard labels.count == 1 else { throw Problem(came: "\(labels.count) PEM blocks") }
    guard label != "CERTIFICATE" else {
      throw Problem(came: "a certificate", remedy: "Take the key out of it: openssl x509 -in FILE -noout -pubkey")
    }
    guard label == "PUBLIC KEY" || label == "RSA PUBLIC KEY",
      let start = text.firstRange(of: "-----BEGIN \(label)-----"),
      let end = text.firstRange(of: "-----END \(label)-----"),
      start.lowerBound < end.lowerBound
    else { throw Problem(came: "PEM that is not a whole public key") }
    return String(text[start.lowerBound..<end.upperBound])
  }

  private static func contents(of path: String) throws(Problem) -> String {
    guard let file = fopen(path, "rb") else { throw unreadable() }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: fileLimitBytes + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0 else { throw unreadable() }
    guard count <= fileLimitBytes else { throw Problem(came: "a file above \(fileLimitBytes >> 10)KiB") }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Does not show the path: it may be a secret that was put into the wrong setting.
  private static func unreadable() -> Problem {
    Problem(came: "neither PEM text nor a file that can be read: \(String(cString: strerror(errno)))")
  }
}
