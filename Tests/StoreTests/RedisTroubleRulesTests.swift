import Testing

@testable import Store

@Suite("Some errors of Redis are about the server")
struct RedisTroubleRulesTests {
  private func trouble(_ text: String) -> RedisTrouble? { RedisTrouble(.error(Array(text.utf8))) }

  @Test("A server that is the wrong one, or not ready, is left; one that is full or refuses is told")
  func known() {
    #expect(trouble("READONLY You can't write against a read only replica.")?.isOfConnection == true)
    #expect(trouble("LOADING Redis is loading the dataset in memory")?.isOfConnection == true)
    #expect(trouble("OOM command not allowed when used memory > 'maxmemory'.")?.isOfConnection == false)
    #expect(trouble("NOPERM this user has no permissions")?.word == "NOPERM")
    #expect(trouble("ERR Error running script (call to f_0): @user_script:3: -READONLY You can't")?.word == "READONLY")
  }

  @Test("Other errors, and what is none, say nothing about it")
  func others() {
    #expect(trouble("ERR value is not an integer or out of range") == nil)
    #expect(trouble("WRONGTYPE Operation against a key") == nil)
    #expect(trouble("NOSCRIPT No matching script") == nil)
    #expect(trouble("ERR OOM") == nil)
    #expect(trouble("") == nil)
    #expect(RedisTrouble(.text(Array("OOM".utf8))) == nil)
  }
}
