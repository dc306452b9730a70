"""One measurement: wrk against one server, and what the server's processes used meanwhile."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import exchange
import procfs
from failure import BenchFailure
from testbed import Server, Testbed, tail

_SCRIPT = Path(__file__).with_name("chat.lua")
_MEMORY_EVERY_SECONDS = 0.25
_WRK_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Sample:
    """What one round at one number of connections brought."""

    contender: str
    connections: int
    round: int
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us_per_request: float
    memory_peak_bytes: int
    memory_after_bytes: int
    errors: dict[str, int]

    @property
    def error_count(self) -> int:
        return sum(self.errors.values())


def threads(connections: int) -> int:
    """wrk's threads: half of the cores, so that the server and the upstream keep the other half."""
    return min(connections, max(1, (os.cpu_count() or 1) // 2))


def wrk_version() -> str:
    """As `wrk 4.1.0`; wrk answers -v with its usage and status 1."""
    told = subprocess.run([shutil.which("wrk") or "wrk", "-v"], capture_output=True, text=True, check=False).stdout
    words = told.partition("[")[0].split()
    return f"wrk {words[1].removeprefix('debian/')}" if len(words) > 1 else "wrk"


def measure(testbed: Testbed, server: Server, contender: str, load: tuple[int, int, int]) -> Sample:
    """Puts `load` (connections, seconds, the round's number) on `server`."""
    connections, seconds, number = load
    cpu_before = procfs.cpu_seconds(procfs.tree(server.process.pid))
    figures, peak = _run_wrk(testbed, server, connections, seconds)
    processes = procfs.tree(server.process.pid)
    cpu = procfs.cpu_seconds(processes) - cpu_before
    if server.process.poll() is not None:
        status = server.process.returncode
        raise BenchFailure(f"{contender} ended under load with status {status}:\n{tail(server.log)}")
    os.truncate(server.log, 0)  # A log line per request is a gigabyte in a long run.
    if not figures["requests"]:
        raise BenchFailure(f"{contender} answered nothing at {connections} connections:\n{figures}")
    return Sample(
        contender=contender,
        connections=connections,
        round=number,
        requests=figures["requests"],
        requests_per_second=figures["requests"] / figures["seconds"],
        p50_ms=figures["p50_us"] / 1000,
        p99_ms=figures["p99_us"] / 1000,
        max_ms=figures["max_us"] / 1000,
        cpu_us_per_request=cpu / figures["requests"] * 1e6,
        memory_peak_bytes=max(peak, procfs.resident_bytes(processes)),
        memory_after_bytes=procfs.resident_bytes(processes),
        errors=_errors(figures),
    )


def _errors(figures: dict) -> dict[str, int]:
    """By kind. To wrk a redirect is no error, so the length of the answers is looked at, too."""
    kinds = {kind: figures[kind] for kind in ("status", "connect", "read", "write", "timeout")}
    too_short = figures["bytes"] / figures["requests"] < len(exchange.COMPLETION)
    return kinds | {"short": figures["requests"] if too_short else 0}


def _run_wrk(testbed: Testbed, server: Server, connections: int, seconds: int) -> tuple[dict, int]:
    """wrk's figures, and the most memory that the server held while it ran."""
    body, output = testbed.folder / "request.json", testbed.folder / "wrk.log"
    body.write_bytes(exchange.REQUEST)
    output.write_bytes(b"")
    headers = [word for name, value in server.headers.items() for word in ("-H", f"{name}: {value}")]
    wrk = testbed.spawn(
        ["wrk", "-t", str(threads(connections)), "-c", str(connections), "-d", f"{seconds}s", "--latency",
         "--timeout", f"{_WRK_TIMEOUT_SECONDS}s", "-s", str(_SCRIPT), *headers, server.url, "--", str(body)],
        output,
    )
    peak, processes = 0, procfs.tree(server.process.pid)
    while wrk.poll() is None:
        peak = max(peak, procfs.resident_bytes(processes))
        try:
            wrk.wait(_MEMORY_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    lines = [line for line in output.read_text().splitlines() if line.startswith("figures ")]
    if wrk.returncode != 0 or not lines:
        raise BenchFailure(f"wrk ended with status {wrk.returncode}:\n{tail(output)}\n{tail(server.log)}")
    return json.loads(lines[0].removeprefix("figures ")), peak
