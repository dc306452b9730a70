import Crypto

/// A script that Redis runs as one step; it is known by its digest, and sent whole only where that is unknown.
struct RedisScript: Sendable {
  let source: String
  /// What `EVALSHA` calls it.
  let digest: String

  init(_ source: String) {
    self.source = source
    // Redis chose SHA-1; nobody relies on it here.
    digest = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
  }

  /// KEYS: the number; ARGV: what is added, the lifetime in ms.
  static let increment = RedisScript(
    """
    local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
    if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return sum
    """)

  /// KEYS: the lock; ARGV: the token.
  static let unlock = RedisScript(
    """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('DEL', KEYS[1])
    """)

  /// KEYS: the lock; ARGV: the token, the lifetime in ms.
  static let extend = RedisScript(
    """
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
    """)

  /// The rules of `LeaseWindow`, over a hash of buckets.
  ///
  /// KEYS: the subject; ARGV: limit, window in ms, wanted, then bucket and count of each share that is returned.
  /// Returns granted, bucket, used, retry in ms, reset in ms.
  static let lease = RedisScript(
    """
    local size = \(Lease.bucketMilliseconds)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local current = math.floor(now / size)
    local limit, window, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local counts, used = {}, 0
    local function name(bucket) return string.format('%.0f', bucket) end
    local function put(bucket, count)
      counts[bucket] = count > 0 and count or nil
      if count > 0 then
        redis.call('HSET', KEYS[1], name(bucket), name(count))
      else
        redis.call('HDEL', KEYS[1], name(bucket))
      end
    end

    local future = 0
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
      local bucket, count = tonumber(all[i]), tonumber(all[i + 1])
      if bucket > current then
        put(bucket, 0)
        future = future + count
        used = used + count
      elseif (bucket + 1) * size + window <= now then
        put(bucket, 0)
      else
        counts[bucket] = count
        used = used + count
      end
    end
    if future > 0 then put(current, (counts[current] or 0) + future) end

    for i = 4, #ARGV, 2 do
      local bucket, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
      local taken = math.max(0, math.min(count, counts[bucket] or 0))
      if taken > 0 then
        put(bucket, counts[bucket] - taken)
        used = used - taken
      end
    end

    local granted = math.max(0, math.min(wanted, limit - used))
    if granted > 0 then
      put(current, (counts[current] or 0) + granted)
      used = used + granted
    end
    if used > 0 then redis.call('PEXPIRE', KEYS[1], name(window + size)) end

    local oldest, newest
    for bucket in pairs(counts) do
      if not oldest or bucket < oldest then oldest = bucket end
      if not newest or bucket > newest then newest = bucket end
    end
    local retry, reset = 0, 0
    if granted < wanted then retry = oldest and (oldest + 1) * size + window - now or window end
    if newest then reset = (newest + 1) * size + window - now end
    return {granted, current, used, retry, reset}
    """)
}
