"""`./bench gateway`: a proxied chat request through every contender, in alternating rounds."""

import argparse
from contextlib import suppress
from dataclasses import asdict
from itertools import product

import contenders
import exchange
import load
import machine
import nginx
import options
import peers
import peers_report
import prerequisites
import procfs
import report
from failure import BenchFailure
from testbed import Server, Testbed

EXAMPLES = """examples:
  ./bench gateway                                    3 rounds of 5 s at 1, 32 and 256 connections
  ./bench gateway --seconds 1 --rounds 1             a quick look, under half a minute
  ./bench gateway --peers                            gateways of others, too; they are fetched when missing
  ./bench gateway --only nginx-proxy,apus,rolter --connections 32
  ./bench gateway --binary path/to/apus              measure a binary that exists already
  ./bench gateway --json gateway.json                every single sample, too
  ./bench gateway --write docs/benchmarks.md         replace the report between that file's markers

The report goes to standard output, progress to standard error. The exit status is 1 when a request failed,
except for one to a peer: the report tells of it.
"""

_WARM_UP = (32, 1, 0)  # Connections, seconds; not reported.


def add_parser(subjects) -> None:
    """Adds `gateway` to the subcommands."""
    parser = subjects.add_parser(
        "gateway",
        help="requests/s, latency, CPU and memory of a proxied chat request",
        description="Compares nginx direct, nginx as proxy and Apus in one run, in alternating rounds, in front of an "
        "nginx that answers every chat request with the same completion. All of it on loopback, on free ports.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=options.positive, default=5, help="length of one measurement (default: 5)")
    parser.add_argument("--rounds", type=options.positive, default=3, help="measurements of each kind (default: 3)")
    parser.add_argument("--connections", type=options.numbers, default=[1, 32, 256], metavar="N,…",
                        help="connections kept open, one table row each (default: 1,32,256)")
    options.add_entrants(parser)
    options.add_common(parser, "gateway")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints the report, and tells by its status whether every request was answered."""
    prerequisites.install_packages()
    entrants = options.entrants(arguments)
    facts = _facts(arguments, entrants)
    missing: dict[str, str] = {}  # Peers, and why they were left out, or out of a round.
    with Testbed() as testbed:
        servers = _start(testbed, entrants, missing)
        idle = {name: procfs.resident_bytes(procfs.tree(server.process.pid)) for name, server in servers.items()}
        samples = _measure(testbed, servers, arguments, missing)
    titles = {entrant.name: entrant.title for entrant in entrants}
    gateways = [peer.name for peer in peers.field() if peer.is_ai_gateway]
    text = report.markdown(facts, titles, idle, samples, peers_report.lines(titles, gateways, samples, missing))
    options.deliver(arguments, text, {
        "facts": facts, "missing": missing, "idle_memory_bytes": idle,
        "samples": [asdict(sample) for sample in samples],
    })
    return 1 if any(sample.error_count for sample in samples if sample.contender not in options.PEERS) else 0


def _facts(arguments, entrants: list) -> dict[str, str]:
    """The report's header."""
    threads = sorted({load.threads(connections) for connections in arguments.connections})
    return machine.description() | {
        "Versions": f"{options.versions(entrants)}, {load.wrk_version()}",
        "Load": f"wrk, threads {', '.join(map(str, threads))}; rounds of {arguments.seconds} s: {arguments.rounds}; "
        f"request body {len(exchange.REQUEST):,} bytes, answer {len(exchange.COMPLETION):,} bytes",
    }


def _start(testbed: Testbed, entrants: list, missing: dict[str, str]) -> dict[str, Server]:
    """The upstream and every contender, running, and each checked with one request."""
    upstream = nginx.start_upstream(testbed, contenders.CLIENT_HEADERS)
    testbed.wait_until_ready(upstream, "the upstream")
    servers = {}
    for entrant in entrants:
        with options.excused(entrant.name, missing):
            servers[entrant.name] = _checked(testbed, entrant, upstream)
    return servers


def _checked(testbed: Testbed, entrant, upstream: Server) -> Server:
    """`entrant`, running and at rest; stopped again if it does not answer."""
    server = entrant.start(testbed, upstream)
    try:
        testbed.wait_until_ready(server, entrant.title)
        server.check_answer(entrant.title)
    except BenchFailure:
        testbed.stop(server.process)
        raise
    procfs.wait_until_idle(server.process.pid)
    return server


def _measure(testbed: Testbed, servers: dict[str, Server], arguments, missing: dict[str, str]) -> list[load.Sample]:
    """A B C, A B C, …: what disturbs the machine for a while disturbs every contender."""
    options.progress(f"about {_minutes(servers, arguments):.1f} minutes")
    for name, server in servers.items():
        with suppress(BenchFailure):  # Too slow to answer in that time; who has ended fails again below.
            load.measure(testbed, server, name, _WARM_UP)
        procfs.wait_until_idle(server.process.pid)
    samples = []
    for number, connections in product(range(1, arguments.rounds + 1), arguments.connections):
        for name, server in servers.items():
            if name in missing and server.process.poll() is not None:
                continue
            with options.excused(name, missing):
                sample = load.measure(testbed, server, name, (connections, arguments.seconds, number))
                options.progress(report.progress_line(sample, arguments.rounds))
                samples.append(sample)
            procfs.wait_until_idle(server.process.pid)
    return samples


def _minutes(servers: dict[str, Server], arguments) -> float:
    measurements = len(servers) * len(arguments.connections) * arguments.rounds
    return (measurements * (arguments.seconds + 0.4) + len(servers) * _WARM_UP[1]) / 60
