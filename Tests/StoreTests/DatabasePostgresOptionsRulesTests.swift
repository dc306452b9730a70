import Kernel
import Testing

@testable import Store

@Suite("PostgreSQL is reached over verified TLS, unless it is on this machine")
struct DatabasePostgresOptionsRulesTests {
  private func mode(_ url: String, _ environment: [String: String] = [:]) throws -> String? {
    try PostgresOptions(url: Secret(url), environment: environment).values["sslmode"]
  }

  @Test(
    "Another machine's certificate is verified",
    arguments: [
      "postgres://db.example/x", "postgres://u@10.0.0.5/x", "postgres://127.example.com/x",
      "postgres://[2001:db8::1]/x",
      "postgres://localhost.example/x", "postgres:///x?host=db", "postgres://localhost/x?hostaddr=10.0.0.5",
      "postgres:///x?service=prod",
    ])
  func remote(url: String) throws {
    #expect(try mode(url) == "verify-full")
    #expect(try mode(url + (url.contains("?") ? "&" : "?") + "sslmode=require") == "require")
  }

  @Test(
    "Nobody listens on the way to this one",
    arguments: [
      "postgres://localhost/x", "postgres://127.0.0.1/x", "postgres://127.1.2.3/x", "postgres://[::1]/x",
      "postgres:///x",
      "postgres:///x?host=/run/postgresql", "postgres://%2Frun/x",
    ])
  func local(url: String) throws {
    #expect(try mode(url) == nil)
    #expect(try mode(url, ["PGHOST": "localhost", "PGHOSTADDR": ""]) == nil)
  }

  @Test("The environment leads elsewhere as well")
  func environment() throws {
    #expect(try mode("postgres:///x", ["PGHOST": "db.example"]) == "verify-full")
    #expect(try mode("postgres:///x", ["PGHOSTADDR": "10.0.0.5"]) == "verify-full")
    #expect(try mode("postgres://localhost/x", ["PGHOSTADDR": "10.0.0.5"]) == "verify-full")
    #expect(try mode("postgres:///x", ["PGSERVICE": "prod"]) == "verify-full")
    #expect(try mode("postgres:///x", ["PGSSLMODE": "disable", "PGHOST": "db.example"]) == "verify-full")
    #expect(try mode("postgres://localhost/x", ["PGHOST": "db.example"]) == nil)
  }

  @Test("Authorities are the system's unless the URL names others")
  func authorities() throws {
    let found = try PostgresOptions(url: Secret("postgres://db/x"), environment: [:])
    #expect(found.values["sslrootcert"] == "/etc/ssl/certs/ca-certificates.crt")
    let named = try PostgresOptions(url: Secret("postgres://db/x?sslrootcert=/a"), environment: [:])
    #expect(named.values["sslrootcert"] == "/a")
  }

  @Test(
    "Several hosts are refused, in words", arguments: [("postgres://a,b/x", [:]), ("postgres:///x", ["PGHOST": "a,b"])])
  func several(url: String, environment: [String: String]) {
    let failure = #expect(throws: Failure.self) {
      try PostgresOptions(url: Secret(url), environment: environment)
    }
    #expect(failure?.code == .invalidRequest)
    #expect(failure?.message.contains("several hosts") == true)
  }

  @Test("What it says of itself is without the password")
  func secrets() throws {
    let url = "postgres://u:hunter2hunter2@db/x?sslpassword=hunter3hunter3"
    let options = try PostgresOptions(url: Secret(url), environment: [:])
    #expect(options.cleaned("a hunter2hunter2 b hunter3hunter3 c") == "a ••• b ••• c")
    #expect(!"\(options) \(String(reflecting: options))".contains("hunter"))
  }
}
