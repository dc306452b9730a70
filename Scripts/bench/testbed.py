"""Where a measurement happens: a temporary folder, free ports, and processes that all end with it."""

import http.client
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import exchange
from failure import BenchFailure

# A Python gateway imports for minutes on a busy machine; one that has ended is not waited for.
_READY_SECONDS = 300
_ANSWER_SECONDS = 20
_STOP_SECONDS = 10
# Two descriptors per proxied connection and room to spare; the default soft limit is 1024 on many machines.
_DESCRIPTORS = 20_000


@dataclass
class Server:
    """A running server: where to send requests, with which headers, its log, and the path that tells it is up."""

    process: subprocess.Popen
    port: int
    log: Path
    headers: dict[str, str] = field(default_factory=dict)
    ready: str = "/health/live"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{exchange.PATH}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request on a connection of its own, with the server's headers or others: the answer's status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, body, self.headers if headers is None else headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def check_answer(self, name: str) -> None:
        """Makes sure that a chat request brings the upstream's completion: an error page would be fast too."""
        try:
            status, body = self.ask("POST", exchange.PATH, exchange.REQUEST)
        except (OSError, http.client.HTTPException) as error:
            raise BenchFailure(f"{name} did not answer a chat request: {error!r}\n{tail(self.log)}") from error
        if status != 200 or not exchange.is_the_completion(body):
            raise BenchFailure(f"{name} answered {status}, not the upstream's completion: {body[:500]!r}")


class Testbed:
    """Holds all that a run starts; leaving the `with` block stops and removes it, whatever happened."""

    def __enter__(self) -> "Testbed":
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        soft = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.folder = Path(tempfile.mkdtemp(prefix="apus-bench-"))
        self._processes: list[subprocess.Popen] = []
        return self

    def __exit__(self, *_error) -> None:
        # A second Ctrl-C must not leave a server behind.
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
        for process in reversed(self._processes):
            _stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def spawn(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen:
        """Starts `command`; what it prints is appended to `log`. Ctrl-C does not reach it: it is stopped by us."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                env=environment, start_new_session=True,
            )
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen) -> None:
        """Ends `process` and its group before the `with` block does."""
        self._processes.remove(process)
        _stop(process)

    def wait_until_ready(self, server: Server, name: str) -> None:
        """Returns when a GET of the server's `ready` is answered 200."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise BenchFailure(f"{name} ended with status {server.process.returncode}:\n{tail(server.log)}")
            try:
                if server.ask("GET", server.ready)[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass  # Not listening yet.
            time.sleep(0.02)
        raise BenchFailure(f"{name} was not ready within {_READY_SECONDS} s:\n{tail(server.log)}")


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(log: Path, lines: int = 15) -> str:
    """The end of `log`, for a message."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(it logged nothing)"


def _stop(process: subprocess.Popen) -> None:
    """Asks once, then takes the whole process group away."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # The group is killed below.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # Nobody is left in it: the usual case.
    process.wait()
