"""Samples in, Markdown out."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from failure import BenchFailure
from load import Sample

YARDSTICK = "nginx-proxy"

# The column's head, the sample's field, and how a figure is printed.
_FIGURES: list[tuple[str, str, Callable[[float], str]]] = [
    ("requests/s", "requests_per_second", lambda value: f"{value:,.0f}"),
    ("p50 ms", "p50_ms", lambda value: three_digits(value)),
    ("p99 ms", "p99_ms", lambda value: three_digits(value)),
    ("CPU µs/request", "cpu_us_per_request", lambda value: three_digits(value)),
]


class MarkedFile:
    """A text file with a part between two markers that is ours to replace; each subcommand has markers of its own."""

    def __init__(self, path: str, subject: str = "gateway"):
        self.path = Path(path)
        self._begin = f"<!-- bench {subject}: begin (written by `./bench {subject} --write`; edits here are lost) -->"
        self._end = f"<!-- bench {subject}: end -->"
        try:
            self._parts()
        except OSError as error:
            raise BenchFailure(f"cannot read {path}: {error.strerror}") from error

    def replace(self, text: str) -> None:
        """Puts `text` between the markers."""
        before, after = self._parts()
        self.path.write_text(f"{before}{self._begin}\n\n{text.strip()}\n\n{self._end}{after}")

    def _parts(self) -> tuple[str, str]:
        before, begin, rest = self.path.read_text().partition(self._begin)
        _, end, after = rest.partition(self._end)
        if not begin or not end:
            raise BenchFailure(f"{self.path} lacks the line {self._begin!r}, or {self._end!r} after it")
        return before, after


def progress_line(sample: Sample, rounds: int) -> str:
    """One measurement in one line, as it ends."""
    figures = "  ".join(f"{form(getattr(sample, name))} {head}" for head, name, form in _FIGURES)
    errors = f"  *** ERRORS: {errors([sample])} ***" if sample.error_count else ""
    position = f"round {sample.round}/{rounds}  {sample.connections:>4} connections"
    return f"{position}  {sample.contender:<12}  {figures}{errors}"


def markdown(
    facts: dict[str, str], titles: dict[str, str], idle: dict[str, int], samples: list[Sample], notes: str = ""
) -> str:
    """The whole report; `notes` stand below the figures."""
    parts = [
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        warning(titles, samples),
        "Median of the rounds; **×** is the ratio to nginx as proxy, the median of the ratios within each round.",
        _figures_table(titles, samples),
        notes,
        "Lowest – highest of the rounds:",
        _spread_table(titles, samples),
        "Resident memory in MB (10⁶ bytes), all processes of the contender added up:",
        _memory_table(titles, idle, samples),
    ]
    return "\n\n".join(part for part in parts if part)


def _figures_table(titles: dict[str, str], samples: list[Sample]) -> str:
    head = ["connections", "contender"] + [cell for title, _, _ in _FIGURES for cell in (title, "×")] + ["errors"]
    rows = []
    for connections, contender, rounds in groups(titles, samples):
        yardstick = [s for s in samples if s.contender == YARDSTICK and s.connections == connections]
        row = [str(connections), titles[contender]]
        for _, name, form in _FIGURES:
            row += [form(median(getattr(sample, name) for sample in rounds)), _ratio(rounds, yardstick, name)]
        rows.append([*row, errors(rounds)])
    return table(head, rows)


def _spread_table(titles: dict[str, str], samples: list[Sample]) -> str:
    rows = []
    for connections, contender, rounds in groups(titles, samples):
        row = [str(connections), titles[contender]]
        for _, name, form in _FIGURES:
            values = [getattr(sample, name) for sample in rounds]
            row.append(f"{form(min(values))} – {form(max(values))}")
        rows.append(row)
    return table(["connections", "contender"] + [title for title, _, _ in _FIGURES], rows)


def _memory_table(titles: dict[str, str], idle: dict[str, int], samples: list[Sample]) -> str:
    connections = sorted({sample.connections for sample in samples})
    head = ["contender", "idle"] + [f"most at {count}" for count in connections] + ["after the last round"]
    rows = []
    for contender, title in titles.items():
        own = [sample for sample in samples if sample.contender == contender]
        if not own:
            continue
        peaks = [max((s.memory_peak_bytes for s in own if s.connections == count), default=0) for count in connections]
        sizes = (idle[contender], *peaks, own[-1].memory_after_bytes)
        rows.append([title, *(f"{size / 1e6:.1f}" if size else "–" for size in sizes)])
    return table(head, rows)


def warning(titles: dict[str, str], samples: list[Sample]) -> str:
    """Says loudly which figures are not to be trusted; nothing when all requests were answered."""
    lines = [
        f"> **{titles[contender]} at {connections} connections: {errors(rounds)}.**"
        for connections, contender, rounds in groups(titles, samples) if any(s.error_count for s in rounds)
    ]
    return "\n".join(["> **Requests failed; these figures do not count.**", ">", *lines]) if lines else ""


def errors(samples: list[Sample]) -> str:
    """The errors of all rounds by kind, or `0`."""
    totals = {kind: sum(sample.errors[kind] for sample in samples) for kind in samples[0].errors}
    return ", ".join(f"{count:,} {kind}" for kind, count in totals.items() if count) or "0"


def _ratio(rounds: list[Sample], yardstick: list[Sample], name: str) -> str:
    units = {sample.round: getattr(sample, name) for sample in yardstick}
    ratios = [getattr(sample, name) / units[sample.round] for sample in rounds if units.get(sample.round)]
    return f"{median(ratios):.2f}" if ratios else "–"


def groups(titles: dict[str, str], samples: list[Sample]):
    """Yields connections, contender and its rounds, in the report's order."""
    for connections in sorted({sample.connections for sample in samples}):
        for contender in titles:
            own = [sample for sample in samples if (sample.contender, sample.connections) == (contender, connections)]
            if own:
                yield connections, contender, own


def three_digits(value: float) -> str:
    """As many decimals as three digits need: `187`, `18.7`, `1.87`, `0.187`."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; figures stand at the right, the contender's name at the left."""
    lines = [head, ["---" if name == "contender" else "---:" for name in head], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
