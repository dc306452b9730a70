/// One subject's sliding window in the memory of this process: the rules of `LeaseRequest`, with the time given.
///
/// `RedisScript.lease` holds the same rules for Redis; one suite runs over both.
struct LeaseWindow: Sendable, Equatable {
  /// Ascending by bucket, each count above 0.
  private var buckets: [LeaseCount] = []

  /// What it weighs in memory.
  var byteCount: Int { buckets.count * MemoryLayout<LeaseCount>.stride }

  /// When nothing of it counts any more, so that it can be forgotten.
  static func lifetime(of request: LeaseRequest) -> Int { request.windowMilliseconds + Lease.bucketMilliseconds }

  /// Takes back what is returned, grants what there is room for, and counts it.
  mutating func grant(_ request: LeaseRequest, at now: Int) -> Lease {
    let bucket = now / Lease.bucketMilliseconds
    forget(before: now - request.windowMilliseconds)
    // Of the future: the clock was moved back. Counted as of now, it can neither be lost nor stay for ever.
    while let last = buckets.last, last.bucket > bucket {
      buckets.removeLast()
      add(last.count, to: bucket)
    }
    for share in request.returned { takeBack(share) }
    let before = buckets.reduce(0) { $0 + $1.count }
    let granted = max(0, min(request.wanted, request.limit - before))
    if granted > 0 { add(granted, to: bucket) }
    let end = request.windowMilliseconds - now
    return Lease(
      granted: granted, bucket: bucket, used: before + granted,
      retryMilliseconds: granted >= request.wanted
        ? 0 : buckets.first.map { Self.end(of: $0) + end } ?? request.windowMilliseconds,
      resetMilliseconds: buckets.last.map { Self.end(of: $0) + end } ?? 0)
  }

  private static func end(of share: LeaseCount) -> Int { (share.bucket + 1) * Lease.bucketMilliseconds }

  private mutating func forget(before moment: Int) {
    buckets.removeAll { Self.end(of: $0) <= moment }
  }

  private mutating func takeBack(_ share: LeaseCount) {
    guard share.count > 0, let position = buckets.firstIndex(where: { $0.bucket == share.bucket }) else { return }
    buckets[position].count -= min(share.count, buckets[position].count)
    if buckets[position].count == 0 { buckets.remove(at: position) }
  }

  private mutating func add(_ count: Int, to bucket: Int) {
    if let position = buckets.firstIndex(where: { $0.bucket >= bucket }) {
      if buckets[position].bucket == bucket {
        buckets[position].count += count
      } else {
        buckets.insert(LeaseCount(bucket: bucket, count: count), at: position)
      }
    } else {
      buckets.append(LeaseCount(bucket: bucket, count: count))
    }
  }
}
