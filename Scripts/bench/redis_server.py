"""A Redis to measure with: on loopback, on a free port, and in trouble when asked."""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from failure import BenchFailure
from testbed import Testbed, free_port, tail

# The commands that a lease is asked for with: its script by digest, or whole.
_LEASES = ("cmdstat_evalsha", "cmdstat_eval")
_READY_SECONDS = 20


@dataclass(frozen=True)
class Leases:
    """How many were asked for, and the time that Redis itself took for them."""

    count: int
    microseconds: int

    def since(self, earlier: "Leases") -> "Leases":
        return Leases(self.count - earlier.count, self.microseconds - earlier.microseconds)


class Redis:
    """Keeps nothing on the disk, and dies with the testbed."""

    def __init__(self, testbed: Testbed):
        self._testbed = testbed
        self._log = testbed.folder / "redis.log"
        self.port = free_port()
        self._start()

    @property
    def settings(self) -> str:
        """For apus.yaml."""
        return f'shared: {{ url: "redis://127.0.0.1:{self.port}/0" }}\n'

    def leases(self) -> Leases:
        """Since its start, by its own count."""
        fields = [line.partition(":") for line in self._ask("INFO commandstats").splitlines()]
        counts = [dict(pair.split("=") for pair in text.split(",")) for name, _, text in fields if name in _LEASES]
        return Leases(sum(int(count["calls"]) for count in counts), sum(int(count["usec"]) for count in counts))

    @contextmanager
    def killed(self):
        """Gone at once inside (SIGKILL), and with it all that it knew."""
        self._process.kill()
        self._testbed.stop(self._process)
        try:
            yield
        finally:
            self._start()

    @contextmanager
    def frozen(self):
        """Inside it stands still, with its connections open (SIGSTOP)."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def _start(self) -> None:
        words = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process: subprocess.Popen = self._testbed.spawn(words, self._log)
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._ask("PING")
                return
            except OSError:
                time.sleep(0.01)  # Not listening yet.
        raise BenchFailure(f"redis-server does not answer:\n{tail(self._log)}")

    def _ask(self, command: str) -> str:
        """The text of one answer, on a connection of its own; Redis takes plain lines, too."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_READY_SECONDS) as connection:
            connection.sendall(command.encode() + b"\r\n")
            reader = connection.makefile("rb")
            kind, rest = reader.read(1), reader.readline()
            return reader.read(int(rest)).decode() if kind == b"$" else rest.decode()


def version() -> str:
    """As `Redis 7.0.15`."""
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return next(f"Redis {word[2:]}" for word in told.split() if word.startswith("v="))
