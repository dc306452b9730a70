"""Apus as `./bench limits` compares it: the key from the configuration or from the database, without and with a plan,
alone and over Redis."""

import json
import time
from pathlib import Path

import contenders
from failure import BenchFailure
from redis_server import Redis
from testbed import Server, Testbed, tail

# The most that a plan can say; what is measured must never reach it.
MOST = 1_000_000
_PLANS = f"plans: {{ bench: {{ requests_per_minute: {MOST}, concurrent_requests: {MOST} }} }}\n"
_PATIENCE_SECONDS = 60


class ConfiguredKey(contenders.Apus):
    """The yardstick for what the others add. Its key is an admin's only because the others make keys with theirs."""

    name = "configured"
    title = "Apus, key of the configuration"
    role = "admin"
    settings = _PLANS
    server: Server

    def start(self, testbed: Testbed, upstream: Server) -> Server:
        self.server = super().start(testbed, upstream)
        testbed.wait_until_ready(self.server, self.title)
        wait_until_well(self.server)
        self.renew(self.server)
        return self.server

    def renew(self, server: Server) -> None:
        """Lets the next requests be asked with another key, of which nothing is used; here there is only one."""


class MadeKey(ConfiguredKey):
    """Asked with a key that was made over the API."""

    name = "made"
    title = "Apus, key of the database"
    terms: dict = {}

    def renew(self, server: Server) -> None:
        server.headers = self.new_caller(server)

    def new_caller(self, server: Server) -> dict[str, str]:
        """The headers of somebody whom the process knows, and who has used nothing yet."""
        body = json.dumps({"name": "bench", **self.terms}).encode()
        status, answer = server.ask("POST", "/api/v1/keys", body, contenders.CLIENT_HEADERS)
        if status != 201:
            raise BenchFailure(f"making a key was answered {status}: {answer[:500]!r}\n{tail(server.log)}")
        headers = contenders.CLIENT_HEADERS | {"Authorization": f"Bearer {json.loads(answer)['key']}"}
        status, answer = server.ask("GET", "/api/v1/me", headers=headers)  # This is not counted.
        if status != 200:
            raise BenchFailure(f"a new key was answered {status}: {answer[:500]!r}")
        return headers


class Plan(MadeKey):
    """Both limits, counted in the process."""

    name = "plan"
    title = "… and plan, in memory"
    terms = {"plan": "bench"}


class SharedPlan(Plan):
    """Both limits; the one per minute leased from Redis."""

    name = "redis"
    title = "… and plan, over Redis"

    def __init__(self, binary: Path | None, redis: Redis):
        super().__init__(binary)
        self.settings = _PLANS + redis.settings


def field(binary: Path | None, redis: Redis) -> list[ConfiguredKey]:
    """From the least to the most; the binary is built once at most."""
    configured = ConfiguredKey(binary)
    binary = binary or configured.binary
    return [configured, MadeKey(binary), Plan(binary), SharedPlan(binary, redis)]


def wait_until_well(server: Server) -> None:
    """Returns when database and shared memory work."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        _, answer = server.ask("GET", "/health/ready")
        if json.loads(answer)["status"] == "pass":
            return
        time.sleep(0.02)
    raise BenchFailure(f"a part is not well after {_PATIENCE_SECONDS} s: {answer!r}\n{tail(server.log)}")
