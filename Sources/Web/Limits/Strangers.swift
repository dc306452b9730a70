import Kernel

/// Holds clients that have not said who they are to their limits, by address. It outlives reloads.
package final class Strangers: Sendable {
  /// How many more failed keys than requests an address has before nobody behind it is looked up: a good key that is
  /// just not known yet must not suffer from a neighbour.
  private static let patience = 10

  /// Requests per minute and address.
  package let limit: Int
  private let requests: AddressLimit
  private let lookups: AddressLimit

  /// A limit of so many requests per minute and address.
  package init(limit: Int) {
    self.limit = limit
    requests = AddressLimit(limit: limit)
    lookups = AddressLimit(limit: limit * Self.patience)
  }

  /// Counts a request.
  ///
  /// - Throws: `rateLimited`.
  func count(_ address: String) throws(Failure) {
    if let wait = requests.take(address) { throw tooMany(wait) }
  }

  /// Counts a key that was looked up and was none; the failure is that of the key, or that there were too many.
  func count(_ address: String, failed failure: Failure) -> Failure {
    guard failure.code == .unauthenticated || failure.code == .forbidden else { return failure }
    _ = lookups.take(address)
    return requests.take(address).map(tooMany) ?? failure
  }

  /// Makes sure that an address which keeps on guessing keys is not let near the database.
  ///
  /// - Throws: `rateLimited`.
  func checkLookup(_ address: String) throws(Failure) {
    if let wait = lookups.wait(address) { throw tooMany(wait) }
  }

  private func tooMany(_ wait: Duration) -> Failure {
    Failure(
      .rateLimited, reason: "address_limit_exceeded",
      "Without a key that is known here, an address may ask \(limit) times per minute.",
      retryAfter: max(wait, .seconds(1)))
  }
}
