import Gateway
import Testing
import Wire

@Suite("A provider's URL is taken apart")
struct ProviderURLRulesTests {
  @Test(
    "Scheme, host, port and path",
    arguments: [
      ("https://api.openai.com/v1", "api.openai.com", 443, true, "/v1"),
      ("http://127.0.0.1:11434/v1/", "127.0.0.1", 11434, false, "/v1"),
      ("http://host", "host", 80, false, ""), ("http://host/", "host", 80, false, ""),
      ("HTTPS://Host:8443//a//", "Host", 8443, true, "//a"),
      ("http://[::1]:8080/v1", "::1", 8080, false, "/v1"), ("https://[2001:db8::1]", "2001:db8::1", 443, true, ""),
      ("https://h/a%20b/c", "h", 443, true, "/a%20b/c"), ("https://h:443/v1?key=1#x", "h", 443, true, "/v1"),
    ])
  func right(text: String, host: String, port: Int, isSecure: Bool, path: String) throws {
    let url = try #require(ProviderURL(text))
    #expect(url.origin == UpstreamOrigin(.tcp(host: host, port: port), isSecure: isSecure))
    #expect(url.path == path)
  }

  @Test(
    "What is no URL of a provider is none",
    arguments: [
      "", "api.openai.com/v1", "ftp://host/", "http://", "http:///v1", "unix:/x", "://host", "http//host", "file:///v1",
      "/v1",
    ])
  func wrong(text: String) {
    #expect(ProviderURL(text) == nil)
  }
}
