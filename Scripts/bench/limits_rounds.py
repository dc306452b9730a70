"""The rounds of `./bench limits`: wrk against nginx and against each Apus, also while its Redis is in trouble."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import limited
import load
import options
import procfs
import report
from redis_server import Leases, Redis
from testbed import Server, Testbed

_WARM_UP = (32, 1, 0)  # Connections, seconds; not reported.
# The breaker opens after three missed deadlines, and Redis is asked again a second after each.
_FREEZING_SECONDS = 4


@dataclass(frozen=True)
class Turn:
    """One measurement of a round: the server, and under what circumstances; `prepare` is done before those."""

    name: str
    title: str
    server: Server
    prepare: Callable[[Server], None] = lambda server: None
    circumstances: Callable[[], AbstractContextManager] = nullcontext
    seconds: int | None = None  # Where it is not for the command line to say.


@dataclass
class Found:
    """What all rounds brought."""

    titles: dict[str, str]
    samples: list[load.Sample] = field(default_factory=list)
    # By number of connections, of each round: the leases, and the requests that they were for.
    leases: dict[int, list[tuple[Leases, int]]] = field(default_factory=dict)


class Rounds:
    """A B C, B C A, …: what disturbs the machine for a while disturbs all, and nobody always comes after the same."""

    def __init__(self, testbed: Testbed, proxy: Server, apuses: list[limited.ConfiguredKey], redis: Redis):
        self._testbed, self._redis = testbed, redis
        self._turns = [Turn(report.YARDSTICK, "nginx as proxy", proxy)]
        self._turns += [Turn(apus.name, apus.title, apus.server, apus.renew) for apus in apuses]
        self._shared = next(turn for turn in self._turns if turn.name == limited.SharedPlan.name)
        self._troubled = [
            self._trouble("killed", "… Redis killed", redis.killed),
            self._trouble("freezes", f"… Redis frozen, the first {_FREEZING_SECONDS} s", redis.frozen,
                          _FREEZING_SECONDS),
            self._trouble("frozen", "… Redis frozen for longer", self._frozen_for_longer),
        ]
        self._found = Found({turn.name: turn.title for turn in self._turns + self._troubled})

    def measure(self, arguments) -> Found:
        """All of them. Troubles are looked at where they are worst: at the most connections."""
        for turn in self._turns:
            load.measure(self._testbed, turn.server, turn.name, _WARM_UP)
            procfs.wait_until_idle(turn.server.process.pid)
        for number in range(1, arguments.rounds + 1):
            for connections in arguments.connections:
                turns = self._turns + (self._troubled if connections == max(arguments.connections) else [])
                first = (number - 1) % len(turns)
                for turn in turns[first:] + turns[:first]:
                    sample = self._take(turn, (connections, turn.seconds or arguments.seconds, number))
                    options.progress(report.progress_line(sample, arguments.rounds))
        return self._found

    def _take(self, turn: Turn, wanted: tuple[int, int, int]) -> load.Sample:
        """One turn; the trouble begins before or with the load, and is over before this returns."""
        turn.prepare(turn.server)
        before = self._redis.leases()
        with turn.circumstances():
            sample = load.measure(self._testbed, turn.server, turn.name, wanted)
        if turn is self._shared:
            leases = self._redis.leases().since(before)
            self._found.leases.setdefault(sample.connections, []).append((leases, sample.requests))
        elif turn in self._troubled:
            limited.wait_until_well(turn.server)
        procfs.wait_until_idle(turn.server.process.pid)
        self._found.samples.append(sample)
        return sample

    def _trouble(self, name: str, title: str, circumstances: Callable, seconds: int | None = None) -> Turn:
        return Turn(f"redis {name}", title, self._shared.server, self._shared.prepare, circumstances, seconds)

    @contextmanager
    def _frozen_for_longer(self):
        """Only requests bring it to light that Redis does not answer."""
        connections, _, number = _WARM_UP
        with self._redis.frozen():
            load.measure(self._testbed, self._shared.server, "warm-up", (connections, _FREEZING_SECONDS, number))
            yield
