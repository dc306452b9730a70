"""The upstream that streams and the client that times: the C program in `sse`, built when its text has changed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import contenders
import exchange
import procfs
from failure import BenchFailure
from testbed import Server, Testbed, free_port, tail

_SOURCES = Path(__file__).with_name("sse")
_MEMORY_EVERY_SECONDS = 0.25
# How late a loaded machine may be with a paced stream before it counts as broken.
_GRACE_SECONDS = 30


@dataclass(frozen=True)
class Load:
    """Streams to ask for: `at_once` at a time, `total` in all, of `chunks` chunks each, one every `pace_us` µs."""

    at_once: int
    total: int
    chunks: int
    pace_us: int
    hang_up_every: int = 0

    @property
    def stagger_us(self) -> int:
        """Between two streams' starts: at least 1 ms when there are many, else spread evenly over one gap."""
        return max(self.pace_us // self.at_once, 1000 if self.at_once > 100 else 0)

    @property
    def look_every_us(self) -> int:
        """How often the client looks: seldom, since the kernel stamps what arrives, but well below the pace."""
        return min(1000, self.pace_us // 4)

    @property
    def seconds(self) -> float:
        """How long this takes when nobody is late, with 20 ms for what comes before and after a stream's chunks."""
        one_after_the_other = self.total / self.at_once * (self.chunks * self.pace_us + 20_000)
        return (one_after_the_other + self.at_once * self.stagger_us) / 1e6


@dataclass(frozen=True)
class Figures:
    """What one load brought. Times are in microseconds: to the `first` chunk, the `delay` of each chunk between its
    sending and its arrival, and by how much the `gap` between two chunks grew on the way."""

    seconds: float
    whole: int
    hung_up: int
    chunks: int
    broken: dict[str, int]
    first: dict[str, float]
    delay: dict[str, float]
    gap: dict[str, float]
    cpu_seconds: float
    memory_before_bytes: int
    memory_peak_bytes: int

    @property
    def broken_count(self) -> int:
        return sum(self.broken.values())

    @property
    def cpu_us_per_chunk(self) -> float:
        return self.cpu_seconds / max(1, self.chunks) * 1e6


def build() -> Path:
    """The program, compiled once for each state of its sources."""
    sources = sorted(_SOURCES.iterdir())
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apus" / "bench"
    program = cache / f"streams-{digest}"
    if not program.exists():
        compiler = shutil.which("cc") or shutil.which("clang")
        if not compiler:
            raise BenchFailure("a C compiler is missing; on Debian: apt-get install gcc libc6-dev")
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_suffix(f".{os.getpid()}")
        files = [str(source) for source in sources if source.suffix == ".c"]
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", unfinished, *files], check=True)
        unfinished.rename(program)
    return program


def start_upstream(testbed: Testbed) -> Server:
    """Streams when it is asked to, and answers the gateway benchmark's completion otherwise."""
    completion, log, port = testbed.folder / "completion.json", testbed.folder / "streams.log", free_port()
    completion.write_bytes(exchange.COMPLETION)
    process = testbed.spawn([build(), "serve", str(port), completion], log)
    server = Server(process, port, log, contenders.CLIENT_HEADERS)
    testbed.wait_until_ready(server, "the streaming upstream")
    return server


def run(testbed: Testbed, server: Server, name: str, load: Load) -> Figures:
    """Puts `load` on `server`, whose contender is called `name`."""
    processes = procfs.tree(server.process.pid)
    cpu, memory = procfs.cpu_seconds(processes), procfs.resident_bytes(processes)
    told, peak = _run_client(testbed, server, load)
    processes = procfs.tree(server.process.pid)
    if server.process.poll() is not None:
        raise BenchFailure(f"{name} ended with status {server.process.returncode}:\n{tail(server.log)}")
    os.truncate(server.log, 0)
    return Figures(**told, cpu_seconds=procfs.cpu_seconds(processes) - cpu, memory_before_bytes=memory,
                   memory_peak_bytes=peak)


def _run_client(testbed: Testbed, server: Server, load: Load) -> tuple[dict, int]:
    """The client's figures, and the most memory that the server held meanwhile."""
    request, output = testbed.folder / "request.http", testbed.folder / "client.log"
    request.write_bytes(_request(server, load))
    output.write_bytes(b"")
    numbers = (load.at_once, load.total, load.chunks, load.stagger_us, load.look_every_us, load.hang_up_every,
               round(load.seconds * 1.5) + _GRACE_SECONDS)
    client = testbed.spawn([build(), "ask", str(server.port), request, *map(str, numbers)], output)
    peak, processes = 0, procfs.tree(server.process.pid)
    while client.poll() is None:
        peak = max(peak, procfs.resident_bytes(processes))
        try:
            client.wait(_MEMORY_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    lines = output.read_text(errors="replace").splitlines()
    if client.returncode != 0 or not lines:
        raise BenchFailure(f"the streams' client ended with status {client.returncode}:\n{tail(output)}")
    for line in lines[:-1]:  # What broke first.
        print(line, file=sys.stderr, flush=True)
    return json.loads(lines[-1]), peak


def _request(server: Server, load: Load) -> bytes:
    """Head and body; the upstream reads the number of chunks from `max_tokens` and their pace from `seed`."""
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    plan = {"max_tokens": load.chunks, "seed": load.pace_us}
    body = json.dumps(json.loads(exchange.REQUEST) | streaming | plan).encode()
    headers = server.headers | {"Host": f"127.0.0.1:{server.port}", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {exchange.PATH} HTTP/1.1\r\n{head}\r\n".encode() + body
