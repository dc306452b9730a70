"""Points of `./bench soak` in, Markdown out."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import report

# Memory may grow by so much between 20 % and 100 % of the load: what is warm by then stays as it is.
_GROWTH, _GROWTH_BYTES = 0.1, 5_000_000
_MARK = "20 %"
_LAG = "apus_event_loop_lag_seconds"
_STALL_SECONDS = 0.01


def descriptors(pid: int) -> int:
    """How many files and sockets are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    """How many threads there are."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@dataclass(frozen=True)
class Findings:
    """What was seen, and what of it must not be."""

    points: list
    sums: object
    exposition: str

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics that tell of something left behind, or of a loop that was held up."""
        lines = [line.rpartition(" ") for line in self.exposition.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines if name.startswith(("apus_open_", _LAG))}

    @property
    def failures(self) -> list[str]:
        """Why the exit status is 1."""
        before, mark, loaded, after = self._landmarks
        most = mark.memory_bytes * (1 + _GROWTH) + _GROWTH_BYTES
        checks = [
            (self.sums.failed_requests, f"{self.sums.failed_requests:,} requests failed"),
            (self.sums.broken_streams, f"{self.sums.broken_streams:,} streams broke"),
            (after.descriptors != before.descriptors, f"descriptors: {before.descriptors} before, "
             f"{after.descriptors} after"),
            (loaded.memory_bytes > most, f"memory grew from {mark.memory_bytes / 1e6:.1f} to "
             f"{loaded.memory_bytes / 1e6:.1f} MB"),
            (self.metrics.get("apus_open_streams") != 0, f"apus_open_streams is "
             f"{self.metrics.get('apus_open_streams')}"),
        ]
        return [text for is_wrong, text in checks if is_wrong]

    @property
    def _landmarks(self):
        mark = next(point for point in self.points if point.when == _MARK)
        return self.points[0], mark, self.points[-2], self.points[-1]

    @property
    def lag(self) -> list[tuple[str, int]]:
        """How often all loops together were late by up to each bound, the bounds before it not counted."""
        totals: dict[str, int] = {}
        for name, value in self.metrics.items():
            bound = re.search(r'_bucket\{.*le="([^"]+)"', name)
            if bound:
                totals[bound[1]] = totals.get(bound[1], 0) + int(value)
        counts = list(totals.values())
        return [(bound, count - below) for bound, count, below in zip(totals, counts, [0, *counts])]


def progress_line(point) -> str:
    """One point in one line, as it is reached."""
    return f"{point.when:>5}  {point.requests:>9,} requests  {point.streams:>7,} streams  " \
        f"{point.memory_bytes / 1e6:6.1f} MB  {point.descriptors} descriptors  {point.threads} threads"


def markdown(facts: dict[str, str], found: Findings) -> str:
    """The whole report."""
    late = sum(count for bound, count in found.lag if float(bound.replace("+Inf", "inf")) > _STALL_SECONDS)
    sums = found.sums
    parts = [
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        "\n".join(f"> **{failure}.**" for failure in found.failures),
        f"{sums.requests:,} requests, of which {sums.failed_requests:,} failed; {sums.streams:,} streams, of which "
        f"{sums.hung_up:,} were hung up and {sums.broken_streams:,} broke. At the end, the request for the metrics "
        f"included: {found.metrics.get('apus_open_streams', -1):.0f} open streams, "
        f"{found.metrics.get('apus_open_connections', -1):.0f} open connections.",
        _points_table(found.points),
        f"How late the event loops came to their timers, ten times a second; {late:,} times by more than "
        f"{_STALL_SECONDS * 1e3:.0f} ms:",
        report.table(["up to, s", *(bound for bound, _ in found.lag)], [["times", *(f"{n:,}" for _, n in found.lag)]]),
    ]
    return "\n\n".join(part for part in parts if part)


def _points_table(points: list) -> str:
    shown = [point for place, point in enumerate(points) if place % 2 == 0 or place >= len(points) - 2]
    rows = [[p.when, f"{p.requests:,}", f"{p.streams:,}", f"{p.memory_bytes / 1e6:.1f}", str(p.descriptors),
             str(p.threads)] for p in shown]
    return report.table(["", "requests", "streams", "memory, MB", "descriptors", "threads"], rows)
