"""Runs a program under valgrind's callgrind, which counts its instructions in user space: the same for the same work,
whatever else the machine does."""

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from failure import BenchFailure
from testbed import Server, Testbed

# The file of the program or library without its folder, and the symbol in it.
Function = tuple[str, str]

_SIGSUSPEND = Path(__file__).with_name("sigsuspend.c")
# Callgrind counts a function that calls itself again as "name'2".
_DEPTH = re.compile(r"'\d+$")
# NIO's `RepeatedTask.reschedule0`, which is called once for each time that a repeated task has run.
_TICK = re.compile(r"12RepeatedTaskC11reschedule033_\w+LLyyF$")
_NAMED = re.compile(r"\((\d+)\)(?: (.*))?")


@dataclass
class Costs:
    """Instructions: of each function itself, and of each call with all that it led to. And how often a repeated task
    ran meanwhile: that depends on the clock, not on the work."""

    own: Counter[Function] = field(default_factory=Counter)
    calls: Counter[tuple[Function, Function]] = field(default_factory=Counter)
    ticks: float = 0

    def plus(self, other: "Costs", times: float = 1) -> "Costs":
        """Both together, the other so many times."""
        return Costs(_sum(self.own, other.own, times), _sum(self.calls, other.calls, times),
                     self.ticks + other.ticks * times)

    def total(self) -> float:
        return sum(self.own.values())


class CallgrindTestbed(Testbed):
    """A testbed whose servers run under callgrind."""

    _dumps = 0

    def spawn(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen:
        shim = self.folder / "sigsuspend.so"
        _run(["gcc", "-O2", "-shared", "-fPIC", "-o", shim, _SIGSUSPEND])
        environment = dict(os.environ if environment is None else environment)
        # Swift's hashes differ from process to process otherwise, and with them the collisions.
        environment |= {"LD_PRELOAD": str(shim), "SWIFT_DETERMINISTIC_HASHING": "1", "APUS_SHARED_TIMEOUT": "10s",
                        "APUS_PROVIDERS_UPSTREAM_CONNECT_TIMEOUT": "30s"}  # Under valgrind all takes 50 times as long.
        valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={self.folder}/costs",
                    f"--vgdb-prefix={self.folder}/vgdb"]
        return super().spawn([*valgrind, self._without_debug_information(command[0]), *command[1:]], log, environment)

    def dump(self, server: Server) -> Costs:
        """What the server has cost since the last dump, or since its start."""
        self._dumps += 1
        _run(["vgdb", f"--pid={server.process.pid}", f"--vgdb-prefix={self.folder}/vgdb", "dump"])
        return read(self.folder / f"costs.{self._dumps}")

    def _without_debug_information(self, binary: str | Path) -> Path:
        """Valgrind 3.19 gives up at what Swift writes there; it keeps its symbols, which are enough."""
        lean = self.folder / "lean" / Path(binary).name
        lean.parent.mkdir(exist_ok=True)
        _run(["objcopy", "--strip-debug", binary, lean])
        return lean


def version() -> str:
    """As `valgrind 3.19.0`."""
    return _run(["valgrind", "--version"]).strip().replace("-", " ", 1)


def read(dump: Path) -> Costs:
    """Source: "Callgrind Format Specification" in valgrind's manual, as far as it is written without --dump-instr."""
    costs, objects, names, place, callee, called = Costs(), {}, {}, {}, {}, None
    for line in dump.read_text().splitlines():
        key, equals, value = line.partition("=")
        if called is not None:  # 0 for a call that began before the last dump.
            costs.calls[_function(place), _function({**place, **callee})] += int(line.split()[1])
            costs.ticks += called if _TICK.search(callee["fn"]) else 0
            callee, called = {}, None
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            costs.own[_function(place)] += int(line.split()[1])
        elif equals and key in ("ob", "fn"):
            place[key] = _name(value, objects if key == "ob" else names)
        elif equals and key in ("cob", "cfn"):
            callee[key[1:]] = _name(value, objects if key == "cob" else names)
        elif equals and key == "calls":
            called = int(value.split()[0])
    return costs


def _sum(ones: Counter, others: Counter, times: float) -> Counter:
    whole = Counter(ones)
    for key, cost in others.items():
        whole[key] += cost * times
    return whole


def _name(text: str, known: dict[str, str]) -> str:
    """A name comes once with a number; later the number stands for it."""
    number, name = _NAMED.fullmatch(text).groups()
    if name is not None:
        known[number] = name
    return known[number]


def _function(place: dict[str, str]) -> Function:
    return place["ob"].rpartition("/")[2], _DEPTH.sub("", place["fn"])


def _run(command: list) -> str:
    """What `command` prints."""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        words = " ".join(map(str, command))
        raise BenchFailure(f"`{words}` ended with status {told.returncode}:\n{told.stderr.strip()}")
    return told.stdout
