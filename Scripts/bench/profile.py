"""`./bench profile`: what one request, and one event of a stream, cost in instructions, and where they go."""

import argparse
import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import callgrind
import contenders
import machine
import options
import prerequisites
import spending
from failure import BenchFailure
from lockstep import Client, Upstream
from testbed import tail

EXAMPLES = """examples:
  ./bench profile                              one chat request, and one event of a stream
  ./bench profile --binary path/to/apus        of a binary that exists already
  ./bench profile --only request --rows 100    more of the functions that cost the most
  ./bench profile --json profile.json          every function
  ./bench profile --write docs/benchmarks.md   replace the report between that file's markers

The report goes to standard output, progress to standard error.
"""

PACKAGES = {"valgrind": "valgrind", "gcc": "gcc", "objcopy": "binutils"}
# Each starts Apus anew; each measures every subject so often.
_PROCESSES, _ROUNDS = 2, 3
_WARM_UP_REQUESTS, _REQUESTS = 300, 300
_WARM_UP_STREAMS, _STREAMS = 4, 10
# The difference of the two is what so many events more cost: the rest of the stream cancels.
_SHORT_STREAM, _LONG_STREAM = 32, 96
_IDLE_SECONDS = 2


@dataclass
class Subject:
    """What was counted of one kind of work: a figure for each round, and the costs of all rounds added up."""

    figures: list[float] = field(default_factory=list)
    costs: callgrind.Costs = field(default_factory=callgrind.Costs)
    units: int = 0

    def add(self, costs: callgrind.Costs, units: int) -> None:
        """One round more."""
        self.figures.append(costs.total() / units)
        self.costs = self.costs.plus(costs)
        self.units += units


def add_parser(subjects) -> None:
    """Adds `profile` to the subcommands."""
    parser = subjects.add_parser(
        "profile",
        help="instructions per request and per event of a stream, and where they go",
        description="Runs Apus under valgrind's callgrind, which counts instructions in user space: the same for the "
        "same work, whatever else the machine does.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_common(parser, "profile")
    parser.add_argument("--only", choices=_MEASURES, help="measure one of the two")
    parser.add_argument("--rows", type=options.positive, default=20, help="functions to list (default: 20)")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Counts, and prints the report."""
    prerequisites.install_packages(PACKAGES)
    apus = contenders.Apus(arguments.binary)
    facts = machine.description() | {"Versions": f"{apus.version()}, {callgrind.version()}"}
    subjects = {name: Subject() for name in _MEASURES if arguments.only in (None, name)}
    for number in range(1, _PROCESSES + 1):
        options.progress(f"process {number} of {_PROCESSES}")
        with callgrind.CallgrindTestbed() as testbed:
            process = Process(testbed, apus)
            for name, subject in subjects.items():
                process.measure(_MEASURES[name], subject)
                options.progress(f"  {name}: {', '.join(f'{figure:,.0f}' for figure in subject.figures)}")
    facts["Idle"] = f"{process.tick.total():,.0f} instructions at intervals on each event loop, which are subtracted"
    text = spending.markdown(facts, subjects, arguments.rows)
    options.deliver(arguments, text, {"facts": facts, "subjects": spending.document(subjects)})
    return 0


class Process:
    """Apus under callgrind, its upstream, and a client with one connection."""

    def __init__(self, testbed: callgrind.CallgrindTestbed, apus: contenders.Apus):
        upstream = Upstream()
        self._testbed = testbed
        self._server = apus.start(testbed, upstream)
        testbed.wait_until_ready(self._server, apus.title)
        self.client = Client(self._server.port, self._server.headers, upstream)
        for _ in range(_WARM_UP_REQUESTS):
            self.client.ask()
        self._count(lambda: None)
        idle = self._count(lambda: time.sleep(_IDLE_SECONDS))
        if not idle.ticks:
            raise BenchFailure(f"no repeated task ran within {_IDLE_SECONDS} s: callgrind.py does not know its name")
        self.tick = callgrind.Costs().plus(idle, 1 / idle.ticks)

    def count(self, work: Callable[[], None]) -> callgrind.Costs:
        """What Apus spends on `work`, without what it does at intervals, whether anybody asks or not."""
        self._count(lambda: None)
        costs = self._count(work)
        return costs.plus(self.tick, -costs.ticks)

    def _count(self, work: Callable[[], None]) -> callgrind.Costs:
        """All that Apus has spent since the last count."""
        work()
        return self._testbed.dump(self._server)

    def measure(self, rounds: Callable[["Process", Subject], None], subject: Subject) -> None:
        """Adds rounds to `subject`."""
        try:
            rounds(self, subject)
        except (OSError, http.client.HTTPException) as error:
            raise BenchFailure(f"Apus did not answer: {error!r}\n{tail(self._server.log)}") from error


def requests(process: Process, subject: Subject) -> None:
    """Plain ones, in rounds."""

    def work() -> None:
        for _ in range(_REQUESTS):
            process.client.ask()

    for _ in range(_ROUNDS):
        subject.add(process.count(work), _REQUESTS)


def _events(process: Process, subject: Subject) -> None:
    def work(events: int, times: int = _STREAMS) -> None:
        for _ in range(times):
            process.client.stream(events)

    work(_LONG_STREAM, _WARM_UP_STREAMS)
    for _ in range(_ROUNDS):
        short = process.count(lambda: work(_SHORT_STREAM))
        long = process.count(lambda: work(_LONG_STREAM))
        subject.add(long.plus(short, -1), _STREAMS * (_LONG_STREAM - _SHORT_STREAM))


_MEASURES = {"request": requests, "event": _events}
