import NIOCore
import Testing

@testable import Store

@Suite("Commands under way get their own replies, or none, and each exactly once")
struct RedisPipelineRulesTests {
  private static let timeout = TimeAmount.milliseconds(50)
  private static let silence = TimeAmount.seconds(1)

  private static func at(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(0) + .seconds(10) + .milliseconds(milliseconds)
  }

  private func pipeline() -> RedisPipeline<Int> {
    RedisPipeline(timeout: Self.timeout, maxSilence: Self.silence)
  }

  @Test("Replies go to the commands in their order")
  func order() {
    var pipeline = pipeline()
    for call in 0..<100 { pipeline.send(call, at: Self.at(0)) }
    for call in 0..<100 { #expect(pipeline.receive(at: Self.at(1)).answered == call) }
    #expect(pipeline.count == 0)
    #expect(pipeline.nextDeadline == nil)
  }

  @Test("A command that missed its deadline fails alone, and its late reply is nobody else's")
  func late() {
    var pipeline = pipeline()
    pipeline.send(1, at: Self.at(0))
    pipeline.send(2, at: Self.at(20))
    #expect(pipeline.nextDeadline == Self.at(50))
    #expect(pipeline.expire(at: Self.at(49)) == [])
    #expect(pipeline.expire(at: Self.at(50)) == [1])
    #expect(pipeline.expire(at: Self.at(51)) == [])
    #expect(pipeline.nextDeadline == Self.at(70))
    #expect(pipeline.receive(at: Self.at(60)).isLate)
    #expect(pipeline.receive(at: Self.at(61)).answered == 2)
    #expect(pipeline.receive(at: Self.at(62)).isUnasked)
  }

  @Test("A probe is told from commands, and in time from late")
  func probe() {
    var pipeline = pipeline()
    pipeline.send(1, at: Self.at(0))
    pipeline.send(nil, at: Self.at(10))
    #expect(pipeline.expire(at: Self.at(100)) == [1])
    #expect(pipeline.receive(at: Self.at(101)).isLate)
    #expect(pipeline.receive(at: Self.at(102)).probe == false)
    pipeline.send(nil, at: Self.at(110))
    #expect(pipeline.receive(at: Self.at(120)).probe == true)
  }

  @Test("Silence is counted from the last sign, or from when something began to be waited for")
  func silence() {
    var pipeline = pipeline()
    #expect(!pipeline.isSilent(at: Self.at(100_000)))
    pipeline.send(1, at: Self.at(100_000))
    #expect(!pipeline.isSilent(at: Self.at(100_999)))
    #expect(pipeline.isSilent(at: Self.at(101_000)))
    #expect(pipeline.expire(at: Self.at(100_100)) == [1])
    #expect(pipeline.nextDeadline == Self.at(101_000))
    pipeline.send(2, at: Self.at(100_500))
    #expect(pipeline.receive(at: Self.at(100_510)).isLate)
    #expect(!pipeline.isSilent(at: Self.at(101_509)))
    #expect(pipeline.isSilent(at: Self.at(101_510)))
  }

  @Test("Bytes of a reply that is not whole are a sign of life")
  func slowReply() {
    var pipeline = pipeline()
    pipeline.send(1, at: Self.at(0))
    pipeline.noteSign(at: Self.at(900))
    #expect(!pipeline.isSilent(at: Self.at(1_000)))
    #expect(pipeline.isSilent(at: Self.at(1_900)))
  }

  @Test("With the connection gone all that wait are taken out, and only they")
  func gone() {
    var pipeline = pipeline()
    for call in 0..<5 { pipeline.send(call, at: Self.at(Int64(call) * 40)) }
    #expect(pipeline.expire(at: Self.at(90)) == [0, 1])
    #expect(pipeline.receive(at: Self.at(90)).isLate)
    #expect(pipeline.removeAll() == [2, 3, 4])
    #expect(pipeline.removeAll() == [])
    pipeline.send(9, at: Self.at(500))
    #expect(pipeline.receive(at: Self.at(501)).answered == 9)
  }

  @Test("Whatever happens, each command comes out once")
  func anySequence() {
    for _ in 0..<300 {
      var pipeline = pipeline()
      var (sent, now) = (0, Int64(0))
      var out: [Int] = []
      for _ in 0..<200 {
        now += .random(in: 0..<30)
        switch Int.random(in: 0..<10) {
        case 0..<5:
          pipeline.send(sent, at: Self.at(now))
          sent += 1
        case 5..<8: if let call = pipeline.receive(at: Self.at(now)).answered { out.append(call) }
        case 8: out += pipeline.expire(at: Self.at(now))
        default: if Int.random(in: 0..<10) == 0 { out += pipeline.removeAll() }
        }
      }
      out += pipeline.removeAll()
      #expect(out.sorted() == Array(0..<sent))
    }
  }
}

@Suite("A gate lets commands in while Redis works, and not too many")
struct RedisGateRulesTests {
  @Test("It is closed at first; open, it tells the loop of the first of those that wait")
  func opens() {
    var gate = RedisGate<Int>()
    #expect(gate.enter(1, byteCount: 10).refusal == "it is not connected yet")
    gate.open()
    #expect(gate.problem == nil)
    #expect(gate.enter(2, byteCount: 10).isFirst == true)
    #expect(gate.enter(3, byteCount: 10).isFirst == false)
    #expect(gate.takeQueue() == [2, 3])
    #expect(gate.enter(4, byteCount: 10).isFirst == true)
    #expect(gate.close("no") == [4])
    #expect(gate.enter(5, byteCount: 10).refusal == "no")
    #expect(gate.takeQueue() == [])
  }

  @Test("Ten thousand commands may be under way, those without a reply counted")
  func count() {
    var gate = RedisGate<Int>()
    gate.open()
    gate.setUnanswered(9_990)
    for call in 0..<10 { #expect(gate.enter(call, byteCount: 1).refusal == nil) }
    #expect(gate.enter(10, byteCount: 1).refusal == "too much is under way")
    gate.setUnanswered(9_989)
    #expect(gate.enter(11, byteCount: 1).refusal == nil)
  }

  @Test("So may 64 MiB that are not written")
  func bytes() {
    var gate = RedisGate<Int>()
    gate.open()
    #expect(gate.enter(1, byteCount: 64 << 20).refusal == nil)
    #expect(gate.enter(2, byteCount: 1).refusal == "too much is under way")
    gate.wrote(byteCount: 64 << 20)
    #expect(gate.enter(3, byteCount: 64 << 20).refusal == nil)
  }

  @Test("What it gives back when it closes is no longer under way, however often that happens")
  func bytesOfOutages() {
    var gate = RedisGate<Int>()
    for outage in 0..<100 {
      gate.open()
      #expect(gate.enter(1, byteCount: 16 << 20).refusal == nil)
      #expect(gate.takeQueue() == [1])
      #expect(gate.enter(2, byteCount: 16 << 20).refusal == nil, "\(outage)")
      #expect(gate.close("no") == [2])
      gate.wrote(byteCount: 16 << 20)
    }
  }
}

extension RedisPipeline.Reply {
  fileprivate var answered: Call? { if case .answer(let call) = self { call } else { nil } }
  fileprivate var isLate: Bool { if case .late = self { true } else { false } }
  fileprivate var isUnasked: Bool { if case .unasked = self { true } else { false } }
  fileprivate var probe: Bool? { if case .probe(let isInTime) = self { isInTime } else { nil } }
}

extension RedisGate.Entry {
  fileprivate var refusal: String? { if case .refused(let problem) = self { problem } else { nil } }
  fileprivate var isFirst: Bool? { if case .queued(let isFirst) = self { isFirst } else { nil } }
}
