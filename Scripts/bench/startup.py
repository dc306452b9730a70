"""`./bench startup`: from the start of a process to its first answer, and the memory it then holds."""

import argparse
import socket
import time
from dataclasses import asdict, dataclass
from statistics import median

import contenders
import exchange
import machine
import nginx
import options
import prerequisites
import priority
import procfs
import report
from failure import BenchFailure
from testbed import Server, Testbed, tail

EXAMPLES = """examples:
  ./bench startup                              20 starts of each contender
  ./bench startup --starts 3 --binary path/to/apus
  ./bench startup --peers --starts 5           gateways of others, too
  ./bench startup --write docs/benchmarks.md   replace the report between that file's markers

The report goes to standard output, progress to standard error.
"""

_ASK_EVERY_SECONDS = 0.0005
_REST_SECONDS = 1
_PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Start:
    """One start: until the first 200 to a chat request, and the memory one second later."""

    contender: str
    number: int
    seconds: float
    memory_bytes: int


class _TimedTestbed(Testbed):
    """Knows when the first process was started."""

    began: float | None = None

    def spawn(self, *arguments, **named):
        self.began = self.began or time.monotonic()
        return super().spawn(*arguments, **named)


def add_parser(subjects) -> None:
    """Adds `startup` to the subcommands."""
    parser = subjects.add_parser(
        "startup",
        help="time from exec to the first answer, memory when idle",
        description="Starts each contender again and again, asks it twice a millisecond for a chat completion until "
        "one comes, and looks at its memory a second later. The upstream is an nginx that is there already.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--starts", type=options.positive, default=20, help="starts of each contender (default: 20)")
    options.add_entrants(parser)
    options.add_common(parser, "startup")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures and prints the report."""
    prerequisites.install_packages()
    # The upstream itself is there from the beginning.
    entrants = [entrant for entrant in options.entrants(arguments) if not isinstance(entrant, contenders.NginxDirect)]
    facts = machine.description() | {"Versions": options.versions(entrants), "Priority": priority.description()}
    missing: dict[str, str] = {}
    with Testbed() as testbed:
        upstream = nginx.start_upstream(testbed, contenders.CLIENT_HEADERS)
        testbed.wait_until_ready(upstream, "the upstream")
        starts = list(_measure(entrants, upstream, arguments.starts, missing))
    titles = {entrant.name: entrant.title for entrant in entrants}
    text = _markdown(facts, titles, starts, missing)
    options.deliver(arguments, text, {"facts": facts, "starts": [asdict(start) for start in starts]})
    return 0


def _measure(entrants: list, upstream: Server, count: int, missing: dict[str, str]):
    """Yields starts: A B C, A B C, …, each in a folder of its own."""
    for number in range(1, count + 1):
        for entrant in [entrant for entrant in entrants if entrant.name not in missing]:
            with options.excused(entrant.name, missing), _TimedTestbed() as testbed:
                with priority.raised():
                    server = entrant.start(testbed, upstream)
                    seconds = _first_answer(server, entrant.title) - testbed.began
                time.sleep(_REST_SECONDS)
                memory = procfs.resident_bytes(procfs.tree(server.process.pid))
                options.progress(f"start {number}/{count}  {entrant.name:<14} {seconds * 1e3:8.1f} ms  "
                                 f"{memory / 2**20:6.1f} MiB")
                yield Start(entrant.name, number, seconds, memory)


def _first_answer(server: Server, title: str) -> float:
    """When the first 200 came."""
    headers = server.headers | {"Host": f"127.0.0.1:{server.port}", "Content-Length": str(len(exchange.REQUEST))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST {exchange.PATH} HTTP/1.1\r\n{head}\r\n".encode() + exchange.REQUEST
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if _is_answered(server.port, request):
            return time.monotonic()
        if server.process.poll() is not None:
            raise BenchFailure(f"{title} ended with status {server.process.returncode}:\n{tail(server.log)}")
        time.sleep(_ASK_EVERY_SECONDS)
    raise BenchFailure(f"{title} did not answer within {_PATIENCE_SECONDS} s:\n{tail(server.log)}")


def _is_answered(port: int, request: bytes) -> bool:
    """Whether `request` brings a 200 on a new connection."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(64).partition(b"\r\n")[0].split()[1:2] == [b"200"]
    except OSError:
        return False  # Not listening yet.


def _markdown(facts: dict[str, str], titles: dict[str, str], starts: list[Start], missing: dict[str, str]) -> str:
    rows = []
    for contender, title in titles.items():
        own = [start for start in starts if start.contender == contender]
        if own:
            times, sizes = [start.seconds * 1e3 for start in own], [start.memory_bytes / 2**20 for start in own]
            figures = (median(times), min(times), max(times), median(sizes), max(sizes))
            rows.append([title, str(len(own)), *map(report.three_digits, figures)])
    head = ["contender", "starts", "first 200, ms", "lowest", "highest", "memory, MiB", "most"]
    return "\n\n".join([
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        "From the start of the process to the first 200 to a chat request, and the resident memory one second later; "
        "medians, and the extremes beside them.",
        report.table(head, rows),
        *(f"Without {name}: {reason}" for name, reason in missing.items()),
    ])
