import Testing

@testable import Accounts

@Suite("When a key set is fetched")
struct JWTKeySetStateRulesTests {
  private var state = KeySetState()
  private let known: TokenHeader
  private let unknown: TokenHeader
  private let set: KeySet

  init() throws {
    known = try TokenHeader(Array(#"{"alg":"ES256","kid":"a"}"#.utf8))
    unknown = try TokenHeader(Array(#"{"alg":"ES256","kid":"b"}"#.utf8))
    set = try KeySet(json: Array(#"{"keys":[{\#(JWTIssuer.ec.jwk),"kid":"a"}]}"#.utf8))
  }

  @Test("The first token fetches, others wait for the same fetch, and then there is a key")
  mutating func first() {
    #expect(state.word(known, 1000) == "fetch and wait")
    #expect(state.word(unknown, 1005) == "wait")
    state.fetched(set, lifetime: nil, at: 1005)
    #expect(state.word(known, 1005, true) == "use")
    #expect(state.word(unknown, 1005, true) == "refuse")
  }

  @Test("When nothing is known and the source fails, nobody knows, and it is asked every 10 s")
  mutating func unreachable() {
    #expect(state.word(known, 1000) == "fetch and wait")
    state.failed()
    #expect(state.word(known, 1001, true) == "unavailable for 9")
    #expect(state.word(known, 1002) == "unavailable for 8")
    #expect(state.word(unknown, 1009) == "unavailable for 1")
    #expect(state.word(known, 1010) == "fetch and wait")
    #expect(state.word(known, 1010) == "wait")
  }

  @Test("An unknown name fetches at once, but not within 10 s of the last fetch")
  mutating func rotation() {
    state.know(set, at: 1000)
    #expect(state.word(unknown, 1009) == "refuse")
    #expect(state.word(unknown, 1010) == "fetch and wait")
    #expect(state.word(known, 1010) == "use")
    state.fetched(set, lifetime: nil, at: 1011)
    #expect(state.word(unknown, 1011, true) == "refuse")
    #expect(state.word(unknown, 1019) == "refuse")
    #expect(state.word(unknown, 1020) == "fetch and wait")
  }

  @Test("While the source fails, an unknown name is not known to be wrong")
  mutating func unknownWhileFailing() {
    state.know(set, at: 1000)
    #expect(state.word(unknown, 1010) == "fetch and wait")
    state.failed()
    #expect(state.word(unknown, 1012, true) == "unavailable for 8")
    #expect(state.word(unknown, 1013) == "unavailable for 7")
    #expect(state.word(known, 1013) == "use")
  }

  @Test("It is fetched anew when four fifths of its time are over, while it is used")
  mutating func refresh() {
    state.know(set, lifetime: 1000, at: 1000)
    #expect(state.word(known, 1799) == "use")
    #expect(state.word(known, 1800) == "use and fetch")
    #expect(state.word(known, 1801) == "use")
    state.failed()
    #expect(state.word(known, 1809) == "use")
    #expect(state.word(known, 1810) == "use and fetch")
  }

  @Test("One that ran out unused waits for a newer one, and serves a day longer when there is none")
  mutating func stale() {
    state.know(set, lifetime: 1000, at: 1000)
    #expect(state.word(known, 2000) == "fetch and wait")
    state.failed()
    #expect(state.word(known, 2005, true) == "use")
    #expect(state.word(known, 2010) == "use and fetch")
    state.failed()
    #expect(state.word(known, 2000 + 86_399) == "use and fetch")
    state.failed()
    #expect(state.word(known, 2000 + 86_409) == "fetch and wait")
    state.failed()
    #expect(state.word(known, 2000 + 86_410, true) == "unavailable for 9")
  }

  @Test("A key that is gone from the newer set is refused")
  mutating func gone() throws {
    state.know(set, lifetime: 1000, at: 1000)
    #expect(state.word(known, 1900) == "use and fetch")
    state.fetched(try KeySet(json: Array(#"{"keys":[]}"#.utf8)), lifetime: 1000, at: 1901)
    #expect(state.word(known, 1901) == "refuse")
  }

  @Test(
    "What an answer says of its time is held between 5 minutes and a day, and is an hour when it says nothing",
    arguments: [(nil, 3600), (0, 300), (-5, 300), (600, 600), (Int64.max, 86_400)] as [(Int64?, Int64)])
  mutating func lifetime(said: Int64?, kept: Int64) {
    state.know(set, lifetime: said, at: 1000)
    #expect(state.word(known, 1000 + kept / 5 * 4 - 1) == "use")
    #expect(state.word(known, 1000 + kept) == "fetch and wait")
  }

  @Test("A clock that was set back makes it fetch anew, not trust for ever")
  mutating func clock() {
    state.know(set, at: 1_000_000)
    #expect(state.word(known, 5000) == "fetch and wait")
    state.failed()
    #expect(state.word(known, 5001, true) == "use")
    #expect(state.word(known, 5010) == "use and fetch")
  }
}

extension KeySetState {
  fileprivate mutating func know(_ set: KeySet, lifetime: Int64? = nil, at now: Int64) {
    #expect(begin(at: now))
    fetched(set, lifetime: lifetime, at: now)
  }

  fileprivate mutating func word(_ header: TokenHeader, _ now: Int64, _ hasWaited: Bool = false) -> String {
    switch step(for: header, at: now, hasWaited: hasWaited) {
    case .use(_, let fetch): fetch ? "use and fetch" : "use"
    case .wait(let fetch): fetch ? "fetch and wait" : "wait"
    case .refuse: "refuse"
    case .unavailable(let seconds): "unavailable for \(seconds)"
    }
  }
}
