"""`./bench streams`: what a contender adds to each chunk of a stream, and what it costs to hold many streams."""

import argparse
import math
import time
from dataclasses import asdict, dataclass

import machine
import options
import prerequisites
import priority
import procfs
import streamer
import streams_report
from failure import BenchFailure
from testbed import Server, Testbed

EXAMPLES = """examples:
  ./bench streams                                     3 rounds: paces of 20, 5 and 0 ms, then 2,000 streams at once
  ./bench streams --seconds 1 --rounds 1 --held 200   a quick look, under half a minute
  ./bench streams --only nginx-direct,apus --binary path/to/apus
  ./bench streams --peers --held 200                  gateways of others, too
  ./bench streams --json streams.json                 every figure of every round, too
  ./bench streams --write docs/benchmarks.md          replace the report between that file's markers

The report goes to standard output, progress to standard error. The exit status is 1 when a stream broke,
except for one through a peer: the report tells of it.
"""

_CHUNKS = 64
_PACED_AT_ONCE = 16
_WARM_UP = streamer.Load(at_once=32, total=64, chunks=16, pace_us=1_000)
# Longer than anybody keeps an unused upstream connection that the streams have left (Apus: 4 s).
_SETTLE_SECONDS = 6


@dataclass(frozen=True)
class Sample:
    """One load on one contender in one round; `pace_ms` is the gap between chunks, `held` the streams at once in the
    second part (0 in the first)."""

    contender: str
    round: int
    pace_ms: int
    held: int
    figures: streamer.Figures
    memory_after_bytes: int


def add_parser(subjects) -> None:
    """Adds `streams` to the subcommands."""
    parser = subjects.add_parser(
        "streams",
        help="added time to the first chunk and between chunks; thousands of streams at once",
        description=f"Streams of {_CHUNKS} chunks, paced and as fast as they go, and then many streams at once, "
        "straight from an upstream and through each contender, in alternating rounds. Each chunk says "
        "when it was sent; the client subtracts. What comes straight from the upstream is the noise of the bench.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=options.positive, default=5,
                        help="length of a paced measurement (default: 5)")
    parser.add_argument("--rounds", type=options.positive, default=3, help="measurements of each kind (default: 3)")
    parser.add_argument("--held", type=int, default=2000, metavar="N",
                        help="streams at once in the second part (default: 2000; 0: no second part)")
    parser.add_argument("--held-seconds", type=options.positive, default=15, metavar="SECONDS",
                        help="length of each of these streams (default: 15)")
    parser.add_argument("--held-rate", type=options.positive, default=20, metavar="N",
                        help="chunks/s of each of these streams (default: 20)")
    options.add_entrants(parser)
    options.add_common(parser, "streams")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints the report, and tells by its status whether every stream came whole."""
    prerequisites.install_packages()
    entrants = options.entrants(arguments)
    facts = machine.description() | {"Versions": options.versions(entrants), "Load": _load(arguments),
                                     "Priority": priority.description()}
    missing: dict[str, str] = {}
    with Testbed() as testbed:
        upstream, servers = streamer.start_upstream(testbed), {}
        for entrant in entrants:
            with options.excused(entrant.name, missing):
                servers[entrant.name] = _start(testbed, entrant, upstream)
        samples = list(_measure(testbed, servers, arguments, missing))
    titles = {entrant.name: entrant.title for entrant in entrants}
    text = streams_report.markdown(facts, titles, samples, missing)
    options.deliver(arguments, text, {"facts": facts, "samples": [asdict(sample) for sample in samples]})
    return 1 if any(s.figures.broken_count for s in samples if s.contender not in options.PEERS) else 0


def _load(arguments) -> str:
    paced = f"{_CHUNKS} chunks a stream; rounds: {arguments.rounds}; {_PACED_AT_ONCE} paced streams at once for " \
        f"{arguments.seconds} s, unpaced ones one after the other"
    held = f"{arguments.held:,} at once for {arguments.held_seconds} s, {arguments.held_rate} chunks/s each"
    return f"{paced}; {held}" if arguments.held else paced


def _start(testbed: Testbed, entrant, upstream: Server) -> Server:
    """A contender that is ready, checked with one plain request, and has seen streams."""
    with priority.raised():
        server = entrant.start(testbed, upstream)
    try:
        testbed.wait_until_ready(server, entrant.title)
        server.check_answer(entrant.title)
        streamer.run(testbed, server, entrant.name, _WARM_UP)
    except BenchFailure:
        testbed.stop(server.process)
        raise
    return server


def _measure(testbed: Testbed, servers: dict[str, Server], arguments, missing: dict[str, str]):
    """Yields samples: A B C, A B C, …, so that what disturbs the machine for a while disturbs every contender."""
    kinds = [(pace, 0) for pace in (20, 5, 0)]
    if arguments.held:
        kinds.append((1000 // arguments.held_rate, arguments.held))
    for number in range(1, arguments.rounds + 1):
        for pace, held in kinds:
            load = _held(arguments) if held else _paced(pace, arguments.seconds)
            for name in [name for name in servers if name not in missing]:
                with options.excused(name, missing):
                    figures = streamer.run(testbed, servers[name], name, load)
                    procfs.wait_until_idle(servers[name].process.pid)
                    if held:
                        time.sleep(_SETTLE_SECONDS)
                    after = procfs.resident_bytes(procfs.tree(servers[name].process.pid))
                    sample = Sample(name, number, pace, held, figures, after)
                    options.progress(streams_report.progress_line(sample, arguments.rounds))
                    yield sample


def _paced(pace_ms: int, seconds: int) -> streamer.Load:
    if not pace_ms:
        return streamer.Load(at_once=1, total=200 * seconds, chunks=_CHUNKS, pace_us=0)
    each = math.ceil(seconds * 1000 / (_CHUNKS * pace_ms))
    return streamer.Load(_PACED_AT_ONCE, _PACED_AT_ONCE * each, _CHUNKS, pace_ms * 1000)


def _held(arguments) -> streamer.Load:
    chunks = arguments.held_seconds * arguments.held_rate
    return streamer.Load(arguments.held, arguments.held, chunks, 1_000_000 // arguments.held_rate)
