/// A wish for a part of what a subject may do in a window of time, so that the next calls need not ask again.
///
/// The window slides: it is kept as counts in buckets of 250 ms, by the clock of whoever keeps it. A bucket counts
/// until its end is a whole window ago, so that never more than `limit` are granted in any window, and what was granted
/// comes free up to 250 ms late.
package struct LeaseRequest: Sendable, Equatable {
  /// Whose allowance it is; a key like any other.
  package var subject: String
  /// How many there may be in one window.
  package var limit: Int
  /// The length of the window. Who spends a lease later than at once adds the time for which it holds on to it.
  package var windowMilliseconds: Int
  /// How many are asked for; 0 only asks what is used.
  package var wanted: Int
  /// What was not spent of earlier leases, and comes back. What has left the window since is ignored.
  package var returned: [LeaseCount]

  /// Makes a request.
  package init(subject: String, limit: Int, windowMilliseconds: Int, wanted: Int, returned: [LeaseCount] = []) {
    self.subject = subject
    self.limit = limit
    self.windowMilliseconds = windowMilliseconds
    self.wanted = wanted
    self.returned = returned
  }
}

/// A number counted in one bucket.
package struct LeaseCount: Sendable, Equatable {
  /// The bucket, as `Lease.bucket` named it.
  package var bucket: Int
  /// How many.
  package var count: Int

  /// Makes a count.
  package init(bucket: Int, count: Int) {
    self.bucket = bucket
    self.count = count
  }
}

/// The answer to a `LeaseRequest`.
package struct Lease: Sendable, Equatable {
  /// How many were granted: from 0 to what was wanted.
  package var granted: Int
  /// The bucket in which they were counted: multiples of 250 ms, to be given back with what was not spent.
  package var bucket: Int
  /// How many of the limit are used now, these among them.
  package var used: Int
  /// Until the oldest bucket leaves the window, when fewer were granted than wanted; otherwise 0.
  package var retryMilliseconds: Int
  /// Until nothing is used any more.
  package var resetMilliseconds: Int

  /// Makes an answer.
  package init(granted: Int, bucket: Int, used: Int, retryMilliseconds: Int, resetMilliseconds: Int) {
    self.granted = granted
    self.bucket = bucket
    self.used = used
    self.retryMilliseconds = retryMilliseconds
    self.resetMilliseconds = resetMilliseconds
  }

  /// The length of a bucket.
  static let bucketMilliseconds = 250
}
