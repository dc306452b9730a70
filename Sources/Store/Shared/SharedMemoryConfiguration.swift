package import Kernel
package import Wire

/// Where replicas keep what they share, and how long they wait for it.
package struct SharedMemoryConfiguration: Sendable, Equatable {
  /// The backends.
  package enum Location: Sendable, Equatable {
    /// The memory of this process: nothing is shared with other replicas, nothing survives a restart.
    case memory
    /// A Redis server, shared by every replica that is pointed at it.
    case redis(RedisLocation)
  }

  /// Where it is. Defaults to the memory of this process.
  package var location: Location
  /// How long one command may take before its caller goes on without it. Defaults to 50 ms.
  package var timeout: Duration

  /// Makes a configuration.
  package init(location: Location = .memory, timeout: Duration = .milliseconds(50)) {
    self.location = location
    self.timeout = timeout
  }
}

/// Where a Redis server listens, and what it wants to know of us.
package struct RedisLocation: Sendable, Equatable {
  /// The address, and whether the connection is TLS, with the certificate verified against the host's name.
  package var origin: UpstreamOrigin
  /// The user of the server's access list; nil is the server's default user.
  package var user: String?
  /// The password; nil sends none.
  package var password: Secret?
  /// The number of the server's database. Defaults to 0.
  package var database: Int
  /// A PEM file with the certificates that are believed instead of the system's. Defaults to none.
  package var trustedCertificates: String?

  /// Makes a location.
  package init(origin: UpstreamOrigin, user: String? = nil, password: Secret? = nil, database: Int = 0) {
    self.origin = origin
    self.user = user
    self.password = password
    self.database = database
  }
}
