"""`./bench gateway`: a proxied chat request through every contender, in alternating rounds."""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import contenders
import exchange
import load
import machine
import nginx
import prerequisites
import procfs
import report
from testbed import Server, Testbed

EXAMPLES = """examples:
  ./bench gateway                                    3 rounds of 5 s at 1, 32 and 256 connections
  ./bench gateway --seconds 1 --rounds 1             a quick look, under half a minute
  ./bench gateway --only nginx-proxy,apus --connections 32
  ./bench gateway --binary path/to/apus              measure a binary that exists already
  ./bench gateway --json gateway.json                every single sample, too
  ./bench gateway --write docs/benchmarks.md         replace the report between that file's markers

The report goes to standard output, progress to standard error. The exit status is 1 when a request failed.
"""

CONTENDERS = [contender.name for contender in contenders.field()]
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
    parser.add_argument("--seconds", type=_positive, default=5, help="length of one measurement (default: 5)")
    parser.add_argument("--rounds", type=_positive, default=3, help="measurements of each kind (default: 3)")
    parser.add_argument("--connections", type=_numbers, default=[1, 32, 256], metavar="N,…",
                        help="connections kept open, one table row each (default: 1,32,256)")
    parser.add_argument("--only", type=_names, default=CONTENDERS, metavar="NAME,…",
                        help=f"contenders to measure (default: {','.join(CONTENDERS)})")
    parser.add_argument("--binary", type=_executable, metavar="PATH",
                        help="the apus to measure (default: a release build, made when needed)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    parser.add_argument("--write", type=report.MarkedFile, metavar="FILE",
                        help="replace the text between the markers in FILE with the report")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints the report, and tells by its status whether every request was answered."""
    prerequisites.install_packages()
    entrants = [contender for contender in contenders.field(arguments.binary) if contender.name in arguments.only]
    facts = _facts(arguments, entrants)
    with Testbed() as testbed:
        servers = _start(testbed, entrants)
        idle = {name: procfs.resident_bytes(procfs.tree(server.process.pid)) for name, server in servers.items()}
        samples = _measure(testbed, servers, arguments)
    titles = {entrant.name: entrant.title for entrant in entrants}
    text = report.markdown(facts, titles, idle, samples)
    if arguments.write:
        arguments.write.replace(text)
    if arguments.json:
        document = {"facts": facts, "idle_memory_bytes": idle, "samples": [asdict(sample) for sample in samples]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    print(text)
    return 1 if any(sample.error_count for sample in samples) else 0


def _facts(arguments, entrants: list) -> dict[str, str]:
    """The report's header."""
    versions = dict.fromkeys([*(entrant.version() for entrant in entrants), load.wrk_version()])
    threads = sorted({load.threads(connections) for connections in arguments.connections})
    return machine.description() | {
        "Versions": ", ".join(versions),
        "Load": f"wrk, threads {', '.join(map(str, threads))}; rounds of {arguments.seconds} s: {arguments.rounds}; "
        f"request body {len(exchange.REQUEST):,} bytes, answer {len(exchange.COMPLETION):,} bytes",
    }


def _start(testbed: Testbed, entrants: list) -> dict[str, Server]:
    """The upstream and every contender, running, and each checked with one request."""
    upstream = nginx.start_upstream(testbed, contenders.CLIENT_HEADERS)
    testbed.wait_until_ready(upstream, "the upstream")
    servers = {}
    for entrant in entrants:
        server = entrant.start(testbed, upstream)
        testbed.wait_until_ready(server, entrant.title)
        server.check_answer(entrant.title)
        servers[entrant.name] = server
    return servers


def _measure(testbed: Testbed, servers: dict[str, Server], arguments) -> list[load.Sample]:
    """A B C, A B C, …: what disturbs the machine for a while disturbs every contender."""
    _progress(f"about {_minutes(servers, arguments):.1f} minutes")
    for name, server in servers.items():
        load.measure(testbed, server, name, _WARM_UP)
    samples = []
    for number in range(1, arguments.rounds + 1):
        for connections in arguments.connections:
            for name, server in servers.items():
                sample = load.measure(testbed, server, name, (connections, arguments.seconds, number))
                _progress(report.progress_line(sample, arguments.rounds))
                samples.append(sample)
    return samples


def _minutes(servers: dict[str, Server], arguments) -> float:
    measurements = len(servers) * len(arguments.connections) * arguments.rounds
    return (measurements * (arguments.seconds + 0.2) + len(servers) * _WARM_UP[1]) / 60


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _executable(text: str) -> Path:
    if not shutil.which(Path(text).resolve()):
        raise argparse.ArgumentTypeError(f"not an executable file: {text}")
    return Path(text).resolve()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is expected, not {text!r}")
    return int(text)


def _numbers(text: str) -> list[int]:
    return sorted({_positive(part) for part in text.split(",")})


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(CONTENDERS)}")
    return names
