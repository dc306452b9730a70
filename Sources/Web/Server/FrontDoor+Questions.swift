import Kernel
import NIOCore
import Wire

/// What the door has to ask before it can let a request in. The connection waits, its event loop does not.
extension FrontDoor {
  func ask(_ question: Admission.Question, for head: RequestHead) {
    guard let eventLoop else { return }
    phase = .asking
    questions += 1
    let number = questions
    let door = NIOLoopBound(self, eventLoop: eventLoop)
    record.work.pause()
    let authenticator = settings.authenticator
    Task {
      let reply = await question.reply(by: authenticator)
      eventLoop.execute { door.value.take(reply, to: number, for: head) }
    }
  }

  /// Whatever comes of the question that is asked comes too late.
  func stopAsking() {
    questions += 1
    phase = .receiving
  }

  private func take(_ reply: Admission.Reply, to number: Int, for head: RequestHead) {
    guard phase == .asking, number == questions else {
      // The client has gone, or was answered: what it had entered is free again.
      if case .entry(.entered, let caller) = reply { caller.leave() }
      return
    }
    phase = .receiving
    record.work.begin()
    switch reply {
    case .caller(let caller): follow(admission.judge(caller, record), for: head)
    case .entry(let entry, let caller): follow(admission.judge(entry, of: caller, record), for: head)
    case .failure(let failure):
      follow(.answer(.refusal(settings.strangers.count(record.client, failed: failure))), for: head)
    }
    goOn()
    if hasInputClosed { tellInputClosed() }
  }

  /// The client stopped sending while something was asked: what it sent before has been read by now.
  private func tellInputClosed() {
    hasInputClosed = false
    switch phase {
    case .responding: way?.clientStoppedSending(at: self)
    case .waiting, .receiving, .lingering: close()
    case .asking: hasInputClosed = true
    case .leaving, .closing: break
    }
  }
}

extension Admission {
  /// What came of a question.
  fileprivate enum Reply: Sendable {
    case caller(Caller)
    case entry(Caller.Entry, Caller)
    case failure(Failure)
  }
}

extension Admission.Question {
  fileprivate func reply(by authenticator: Authenticator) async -> Admission.Reply {
    switch self {
    case .whoAsks(let key, let digest):
      do throws(Failure) {
        return .caller(try await authenticator.find(key, digest))
      } catch {
        return .failure(error)
      }
    case .mayEnter(let caller):
      return .entry(await caller.enterAfterAsking(), caller)
    }
  }
}
