/// What an error says about the server, and not only about the command that it answers.
struct RedisTrouble: Equatable {
  /// What another connection may not meet: the server's part has changed, or it has yet to begin.
  private static let ofConnection: Set = ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH"]
  /// What every connection meets, until somebody mends it.
  private static let ofServer: Set = ["OOM", "MISCONF", "NOPERM", "NOREPLICAS", "CLUSTERDOWN", "MOVED"]

  /// Redis's own word. The rest of an error may name what was sent.
  let word: String
  var isOfConnection: Bool { Self.ofConnection.contains(word) }

  /// Nil for a reply that is none, and for errors of one command alone.
  init?(_ reply: RESPValue) {
    guard case .error(let text) = reply else { return nil }
    let words = String(decoding: text.prefix(1000), as: UTF8.self).split(separator: " ")
    // Before Redis 7, a script's error repeats the command's error behind words of its own, with its dash.
    let codes = words.prefix(1) + words.filter { $0.hasPrefix("-") }.map { $0.dropFirst() }
    let known = codes.first { Self.ofConnection.contains(String($0)) || Self.ofServer.contains(String($0)) }
    guard let known else { return nil }
    word = String(known)
  }
}
