import CPostgres
import Foundation
import Kernel

/// What libpq is told about a server: what the URL says, and our words where it says nothing.
struct PostgresOptions: Sendable {
  /// The certificates that Debian trusts.
  private static let authorities = "/etc/ssl/certs/ca-certificates.crt"
  private static let connectSeconds = 5
  private static let secretNames: Set = ["password", "sslpassword"]

  let library: PostgresLibrary
  /// By libpq's names.
  private(set) var values: [String: String]
  private let secrets: [String: Secret]

  /// Reads the URL.
  ///
  /// - Throws: `unavailable` when libpq is not there, `invalidRequest` when it does not understand the URL. libpq's own
  ///   words would repeat the URL, password and all.
  init(url: Secret, environment: [String: String]) throws(Failure) {
    library = try PostgresLibrary.find()
    guard let parsed = library.parse(url.reveal()) else {
      throw Failure(
        .invalidRequest, reason: "invalid_database_url",
        "the database's URL is not one that PostgreSQL's client understands: expected "
          + "postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, with % codes for special characters")
    }
    secrets = parsed.filter { Self.secretNames.contains($0.key) }.mapValues { Secret($0) }
    values = parsed.filter { !Self.secretNames.contains($0.key) }
    // libpq takes from the environment what the URL does not say, an address before a name.
    let given = [values["hostaddr"], environment["PGHOSTADDR"], values["host"], environment["PGHOST"]]
    let hosts = given.compactMap { $0 }.filter { !$0.isEmpty }
    guard !hosts.contains(where: { $0.contains(",") }) else {
      throw Failure(
        .invalidRequest, reason: "invalid_database_url",
        "the database's URL names several hosts, and Apus connects to one: "
          + "name the one that takes writes, or an address that leads to it")
    }
    let isService = values["service"] != nil || environment["PGSERVICE"] != nil
    if isService || hosts.first.map(Self.isLocal) == false {
      suggest("sslmode", "verify-full")
      if values["sslmode"]?.hasPrefix("verify") == true { suggest("sslrootcert", Self.authorities) }
    }
    suggest("gssencmode", "disable")
    suggest("application_name", "apus")
    suggest("connect_timeout", "\(Self.connectSeconds)")
    for (name, value) in ["keepalives_idle": "30", "keepalives_interval": "5", "keepalives_count": "3"] {
      suggest(name, value)
    }
    suggest("tcp_user_timeout", "30000")
    values["client_encoding"] = "UTF8"
  }

  /// How long connecting may take. libpq's own limit does not hold where nothing blocks.
  var connectLimit: Duration {
    .seconds(values["connect_timeout"].flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil } ?? Self.connectSeconds)
  }

  /// A text of libpq's or the server's without the passwords, should it ever be in there.
  func cleaned(_ text: String) -> String {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let hidden = secrets.values.map { $0.reveal() }.filter { !$0.isEmpty }
    return hidden.reduce(text) { $0.replacing($1, with: "•••") }
  }

  /// All that libpq is told, in clear.
  var revealed: [String: String] { values.merging(secrets.mapValues { $0.reveal() }) { $1 } }

  private mutating func suggest(_ name: String, _ value: String) {
    if values[name] == nil { values[name] = value }
  }

  /// Whether a host is this machine, whose network nobody listens to: loopback, or a folder with a socket.
  private static func isLocal(_ host: String) -> Bool {
    let isIPv4 = host.utf8.allSatisfy {
      $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
    }
    return host == "localhost" || host == "::1" || host.hasPrefix("127.") && isIPv4 || host.hasPrefix("/")
      || host.hasPrefix("@")
  }
}

/// libpq, found when the first PostgreSQL is opened.
struct PostgresLibrary: Sendable {
  // Safety: the table is written once, before anybody sees its address, and then only read.
  nonisolated(unsafe) let functions: UnsafePointer<apus_postgres>

  static func find() throws(Failure) -> PostgresLibrary {
    guard let functions = apus_postgres_find() else {
      let cause = "libpq.so.5 is not installed: apt-get install libpq5"
      throw Failure(.unavailable, reason: "database_unavailable", "PostgreSQL needs libpq: \(cause)", cause: cause)
    }
    return PostgresLibrary(functions: functions)
  }

  /// The options that an URL sets, by libpq's names; nil when it is none.
  func parse(_ url: String) -> [String: String]? {
    var problem: UnsafeMutablePointer<CChar>?
    let options = functions.pointee.PQconninfoParse(url, &problem)
    if let problem { functions.pointee.PQfreemem(problem) }
    guard let options else { return nil }
    defer { functions.pointee.PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return values
  }
}
