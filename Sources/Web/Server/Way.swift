package import NIOCore
package import Wire

/// One of the two ways through the port, as `FrontDoor` sees it, for one connection and on its event loop.
///
/// The door hands over one request at a time. The way answers it by `FrontDoor.writeHead`, `writeBody` and `writeEnd`,
/// or by `refuse`.
package protocol Way: AnyObject {
  /// A request that the door has let in begins.
  func begin(_ head: RequestHead, at door: FrontDoor)
  /// A piece of its body.
  func receive(_ piece: ByteBuffer)
  /// It is whole: answer it.
  func answer(at door: FrontDoor)
  /// The request was answered by the door itself, or its client has gone.
  func abandon()
  /// The client took what waited for it: there is room for more.
  func clientIsReady()
  /// The client will send nothing more, but may still listen.
  func clientStoppedSending(at door: FrontDoor)
}

/// The ways behind one connection's door.
package struct Ways {
  let model: any Way
  let router: any Way

  /// Both ways.
  package init(model: any Way, router: any Way) {
    self.model = model
    self.router = router
  }
}
