import Testing

@testable import Web

@Suite("Ready means that every part is")
struct HealthRulesTests {
  @Test(
    "The worst part decides; a warning still serves",
    arguments: [
      ([], "pass", true), ([.pass, .pass], "pass", true), ([.pass, .warn], "warn", true),
      ([.warn, .fail], "fail", false),
      ([.fail], "fail", false),
    ] as [([HealthPart.Status], String, Bool)])
  func status(parts: [HealthPart.Status], expected: String, isReady: Bool) throws {
    let health = Health(stopFlag: StopFlag()) {
      parts.enumerated().map { HealthPart(name: "part:\($0)", status: $1, observed: "x") }
    }
    let report = health.report()
    #expect(report.isReady == isReady)
    #expect(try object(report.json)["status"] as? String == expected)
  }

  @Test("A process that is stopping is not ready, however well its parts are")
  func stopping() throws {
    let flag = StopFlag()
    let health = Health(stopFlag: flag) { [HealthPart(name: "a:b", status: .pass, observed: "ready")] }
    #expect(health.report().isReady)
    flag.raise()
    #expect(!health.report().isReady)
    let checks = try #require(try object(health.report().json)["checks"] as? [String: [[String: String]]])
    #expect(checks["apus:server"]?.first?["observedValue"] == "stopping")
    #expect(checks["a:b"]?.first?["status"] == "pass")
  }

  @Test("Hostile texts break nothing", arguments: hostileTexts)
  func escaping(text: String) throws {
    let health = Health(stopFlag: StopFlag()) {
      [HealthPart(name: "n" + text, status: .warn, observed: text, output: text)]
    }
    let checks = try #require(try object(health.report().json)["checks"] as? [String: [[String: String]]])
    let expected = ["componentType": "component", "status": "warn", "observedValue": text, "output": text]
    #expect(checks["n" + text] == [expected])
  }
}
