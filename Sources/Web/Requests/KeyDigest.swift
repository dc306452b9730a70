package import Crypto

/// The SHA-256 of a key or a token: how it is looked up, and all that is kept of it.
package struct KeyDigest: Hashable, Sendable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Takes over a digest.
  package init(_ digest: SHA256Digest) {
    words = digest.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
  }

  /// The digest of a key.
  package init(of key: String) {
    self.init(SHA256.hash(data: Array(key.utf8)))
  }

  init(of bytes: UnsafeRawBufferPointer) {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    self.init(hash.finalize())
  }

  /// 64 hexadecimal digits: how it is stored.
  package var hexadecimal: String {
    withUnsafeBytes(of: words) { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  /// Its first bits: which of some drawers it lies in.
  package var drawer: Int { Int(truncatingIfNeeded: words.0 & 0xFF) }

  package static func == (left: KeyDigest, right: KeyDigest) -> Bool {
    left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
      && left.words.3 == right.words.3
  }

  /// A digest is spread already; the hasher's seed still keeps buckets from being chosen.
  package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
