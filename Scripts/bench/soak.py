"""`./bench soak`: a million requests and a hundred thousand streams, and whether anything is left of them."""

import argparse
import math
import time
from dataclasses import asdict, dataclass

import contenders
import load
import machine
import options
import prerequisites
import priority
import procfs
import soak_report
import streamer
from failure import BenchFailure
from testbed import Server, Testbed

EXAMPLES = """examples:
  ./bench soak                                         some six minutes
  ./bench soak --requests 50000 --streams 5000         a quick look, half a minute
  ./bench soak --binary path/to/apus --json soak.json
  ./bench soak --write docs/benchmarks.md              replace the report between that file's markers

The report goes to standard output, progress to standard error. The exit status is 1 when a request failed, a stream
broke or is still counted as open, descriptors were left, or memory grew.
"""

_SLICES = 20
_CONNECTIONS = 64
_STREAMS_AT_ONCE = 256
_CHUNKS, _PACE_US, _HANG_UP_EVERY = 16, 2_000, 10
# Longer than an unused upstream connection is kept (4 s), and a closed one is heard of.
_SETTLE_SECONDS = 10


@dataclass(frozen=True)
class Point:
    """What Apus holds after so many requests and streams."""

    when: str
    requests: int
    streams: int
    memory_bytes: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Sums:
    """What has been asked for, and what of it went wrong."""

    requests: int = 0
    streams: int = 0
    hung_up: int = 0
    failed_requests: int = 0
    broken_streams: int = 0


def add_parser(subjects) -> None:
    """Adds `soak` to the subcommands."""
    parser = subjects.add_parser(
        "soak",
        help="memory, descriptors and event-loop lag over a million requests and 100,000 streams",
        description=f"Puts requests and streams on Apus in {_SLICES} turns, a tenth of the streams hung up half way, "
        "and looks at its memory, descriptors and threads before, between and after, and at its metrics at the end.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--requests", type=options.positive, default=1_000_000, metavar="N",
                        help="at least so many requests (default: 1000000)")
    parser.add_argument("--streams", type=options.positive, default=100_000, metavar="N",
                        help="streams (default: 100000)")
    options.add_common(parser, "soak")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints the report, and tells by its status whether all is as it was before."""
    prerequisites.install_packages()
    apus = contenders.Apus(arguments.binary)
    facts = machine.description() | {"Versions": f"{apus.version()}, {load.wrk_version()}", "Load": _load(arguments),
                                     "Priority": priority.description()}
    with Testbed() as testbed:
        upstream = streamer.start_upstream(testbed)
        with priority.raised(3):  # Before the load, too: the loops' lag must tell of Apus alone.
            server = apus.start(testbed, upstream)
        testbed.wait_until_ready(server, apus.title)
        server.check_answer(apus.title)
        points, sums = _soak(testbed, server, arguments)
        status, metrics = server.ask("GET", "/metrics")
        if status != 200:
            raise BenchFailure(f"/metrics answered {status}: {metrics[:500]!r}")
    found = soak_report.Findings(points, sums, metrics.decode())
    options.deliver(arguments, soak_report.markdown(facts, found), {
        "facts": facts, "points": [asdict(point) for point in points], "sums": asdict(sums),
        "metrics": found.metrics, "failures": found.failures,
    })
    return 1 if found.failures else 0


def _load(arguments) -> str:
    streams = f"{arguments.streams:,} streams of {_CHUNKS} chunks, one every {_PACE_US // 1000} ms, " \
        f"{_STREAMS_AT_ONCE} at once, every {_HANG_UP_EVERY}th hung up half way"
    return f"{arguments.requests:,} requests on {_CONNECTIONS} connections, {streams}"


def _soak(testbed: Testbed, server: Server, arguments) -> tuple[list[Point], Sums]:
    """Turns of requests and streams; a point before, after each, and at the end, when all has settled."""
    sums = Sums()
    time.sleep(_SETTLE_SECONDS)
    points = [_point(server, "before", sums)]
    for turn in range(1, _SLICES + 1):
        sums = _request(testbed, server, sums, math.ceil(arguments.requests * turn / _SLICES))
        sums = _stream(testbed, server, sums, arguments.streams * turn // _SLICES)
        points.append(_point(server, f"{100 * turn // _SLICES} %", sums))
        options.progress(soak_report.progress_line(points[-1]))
    time.sleep(_SETTLE_SECONDS)
    return [*points, _point(server, f"{_SETTLE_SECONDS} s later", sums)], sums


def _request(testbed: Testbed, server: Server, sums: Sums, goal: int) -> Sums:
    """Plain requests until `goal` is reached; wrk counts seconds, so the rate tells how many there shall be."""
    requests, failed, seconds = sums.requests, sums.failed_requests, 1
    while requests < goal:
        sample = load.measure(testbed, server, "Apus", (_CONNECTIONS, seconds, 1))
        requests, failed = requests + sample.requests, failed + sample.error_count
        seconds = max(1, math.ceil((goal - requests) / sample.requests_per_second))
    return Sums(requests, sums.streams, sums.hung_up, failed, sums.broken_streams)


def _stream(testbed: Testbed, server: Server, sums: Sums, goal: int) -> Sums:
    """Streams until `goal` is reached."""
    total = goal - sums.streams
    figures = streamer.run(testbed, server, "Apus", streamer.Load(
        min(_STREAMS_AT_ONCE, total), total, _CHUNKS, _PACE_US, _HANG_UP_EVERY))
    return Sums(sums.requests, goal, sums.hung_up + figures.hung_up, sums.failed_requests,
                sums.broken_streams + figures.broken_count)


def _point(server: Server, when: str, sums: Sums) -> Point:
    pid = server.process.pid
    return Point(when, sums.requests, sums.streams, procfs.resident_bytes([pid]),
                 soak_report.descriptors(pid), soak_report.threads(pid))
