"""`./bench limits`: what key check and limits add to a request, in memory and over Redis."""

import argparse
from dataclasses import asdict

import callgrind
import contenders
import exchange
import limited
import limits_instructions
import limits_lease
import limits_report
import load
import machine
import nginx
import options
import prerequisites
import priority
import profile
import redis_server
from limits_rounds import Rounds
from testbed import Testbed

EXAMPLES = """examples:
  ./bench limits                               15 rounds of 1 s, 300 leases, instructions: ten minutes
  ./bench limits --rounds 1 --only rounds      a quick look, half a minute
  ./bench limits --only instructions           what does not depend on what else the machine does
  ./bench limits --binary path/to/apus --json limits.json
  ./bench limits --write docs/benchmarks.md    replace the report between that file's markers

The report goes to standard output, progress to standard error. The exit status is 1 when a request failed.
"""

PARTS = ("rounds", "lease", "instructions")
_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "redis-server": "redis-server"}
_LONGEST_SECONDS = 20  # The plan's limit is a million a minute: faster than 50,000/s, this would be refused.


def add_parser(subjects) -> None:
    """Adds `limits` to the subcommands."""
    parser = subjects.add_parser(
        "limits",
        help="what keys and limits add to a request, in memory and over Redis",
        description="Compares nginx as proxy with Apus: with a key of the configuration, with one of the database, "
        "with a plan beside it, with that plan over Redis, and while Redis is killed or frozen; in one run, in "
        "alternating rounds. Then measures what a lease takes, and counts instructions.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=_seconds, default=1, help="length of one measurement (default: 1)")
    parser.add_argument("--rounds", type=options.positive, default=15, help="measurements of each kind (default: 15)")
    parser.add_argument("--connections", type=options.numbers, default=[1, 32], metavar="N,…",
                        help="connections kept open (default: 1,32)")
    parser.add_argument("--leases", type=options.positive, default=300, metavar="N",
                        help="requests that have to ask Redis, one after the other (default: 300)")
    parser.add_argument("--only", choices=PARTS, help="do one part of it")
    options.add_common(parser, "limits")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints the report, and tells by its status whether every request was answered."""
    parts = [part for part in PARTS if arguments.only in (None, part)]
    prerequisites.install_packages(_PACKAGES | (profile.PACKAGES if "instructions" in parts else {}))
    with priority.FavouredTestbed() as testbed:
        redis = redis_server.Redis(testbed)
        apuses = limited.field(arguments.binary, redis)
        facts = _facts(arguments, parts, apuses[0])
        rounds, waits = _measure(testbed, apuses, redis, arguments, parts)
        facts["Priority"] = testbed.favour
        counted = limits_instructions.measure(apuses[0].binary, redis) if "instructions" in parts else None
    options.deliver(arguments, limits_report.markdown(facts, rounds, waits, counted), {
        "facts": facts,
        "rounds": rounds and asdict(rounds),
        "lease_milliseconds": waits and waits.times,
        "instructions": counted and limits_report.document(counted),
    })
    return 1 if rounds and any(sample.error_count for sample in rounds.samples) else 0


def _measure(testbed: Testbed, apuses: list, redis: redis_server.Redis, arguments, parts: list[str]) -> tuple:
    """What takes time: the rounds, and the leases; none of them where it is not wanted."""
    if parts == ["instructions"]:
        return None, None
    upstream = nginx.start_upstream(testbed, contenders.CLIENT_HEADERS)
    proxy = nginx.start_proxy(testbed, upstream.port, contenders.CLIENT_HEADERS)
    testbed.wait_until_ready(proxy, "nginx as proxy")
    for apus in apuses:
        apus.start(testbed, upstream).check_answer(apus.title)
    rounds = Rounds(testbed, proxy, apuses, redis).measure(arguments) if "rounds" in parts else None
    waits = limits_lease.measure(apuses[-2:], redis, arguments.leases) if "lease" in parts else None
    return rounds, waits


def _facts(arguments, parts: list[str], apus: contenders.Apus) -> dict[str, str]:
    """The report's header."""
    versions = [nginx.version(), apus.version(), redis_server.version(), load.wrk_version()]
    facts = machine.description() | {
        "Versions": ", ".join(versions + ([callgrind.version()] if "instructions" in parts else []))}
    if "rounds" in parts:
        facts["Load"] = f"wrk, one thread for every two cores; rounds of {arguments.seconds} s: {arguments.rounds}; " \
            f"request body {len(exchange.REQUEST):,} bytes, answer {len(exchange.COMPLETION):,} bytes"
    return facts


def _seconds(text: str) -> int:
    if options.positive(text) > _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"at most {_LONGEST_SECONDS}, since a plan has a limit of a million a minute")
    return int(text)
