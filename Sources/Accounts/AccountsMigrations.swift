package import Store

/// The tables of Accounts. Steps are added at the end, and never changed once released.
package enum AccountsMigrations {
  /// All steps, in their order.
  package static let all = [
    Migration(
      "accounts 1: keys and limits",
      both: [
        """
        CREATE TABLE api_keys (
          id TEXT PRIMARY KEY,
          name TEXT NOT NULL,
          hash TEXT NOT NULL UNIQUE,
          prefix TEXT NOT NULL,
          previous_hash TEXT UNIQUE,
          previous_until BIGINT,
          tenant TEXT,
          user_id TEXT,
          plan TEXT,
          role TEXT NOT NULL,
          models TEXT,
          metadata TEXT NOT NULL,
          requests_per_minute BIGINT,
          concurrent_requests BIGINT,
          expires_at BIGINT,
          created_at BIGINT NOT NULL,
          revoked_at BIGINT,
          version BIGINT NOT NULL
        )
        """,
        "CREATE INDEX api_keys_version ON api_keys (version)",
        "CREATE INDEX api_keys_created ON api_keys (created_at, id)",
        """
        CREATE TABLE user_limits (
          tenant TEXT NOT NULL,
          user_id TEXT NOT NULL,
          requests_per_minute BIGINT,
          concurrent_requests BIGINT,
          version BIGINT NOT NULL,
          PRIMARY KEY (tenant, user_id)
        )
        """,
        "CREATE INDEX user_limits_version ON user_limits (version)",
        // One row, which every change increments: the order of changes is the order of their commits.
        "CREATE TABLE account_changes (id INTEGER PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL)",
        "INSERT INTO account_changes (id, version) VALUES (1, 0)",
      ])
  ]
}
