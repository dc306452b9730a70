"""What a request waits that has to ask Redis first: each with a key of its own that has no lease yet."""

from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

import limited
import lockstep
import options
import priority


@dataclass
class Waits:
    """Milliseconds from the sending of a request to its whole answer."""

    titles: dict[str, str]
    times: dict[str, list[float]] = field(default_factory=dict)
    leases: int = 0

    def figures(self, name: str) -> tuple[float, float, float]:
        """p50, p99 and the longest."""
        times = self.times[name]
        return median(times), quantiles(times, n=100, method="inclusive")[98], max(times)


def measure(apuses: list[limited.MadeKey], redis, count: int) -> Waits:
    """So many requests to each, in turns, one at a time; the process knows every key already."""
    options.progress(f"{count} requests with a key of their own each")
    waits = Waits({apus.name: apus.title for apus in apuses}, {apus.name: [] for apus in apuses})
    before = redis.leases()
    connections = {apus.name: lockstep.Connection(apus.server.port, apus.server.headers) for apus in apuses}
    for connection in connections.values():
        connection.ask()
    for _ in range(count):
        for apus in apuses:
            connection = connections[apus.name]
            connection.headers |= apus.new_caller(apus.server)
            with priority.raised():  # What is not waited for is not counted: this program's own turn on the cores.
                began = perf_counter()
                connection.ask()
                waits.times[apus.name].append((perf_counter() - began) * 1e3)
    waits.leases = redis.leases().since(before).count
    return waits
