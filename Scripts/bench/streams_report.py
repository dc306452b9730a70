"""Samples of `./bench streams` in, Markdown out."""

from collections.abc import Callable
from statistics import median

import report

NOISE = "nginx-direct"

# The column's head, and the figure in milliseconds: those of which the noise is subtracted.
_DELAYS: list[tuple[str, Callable]] = [
    ("first chunk p50", lambda figures: figures.first["p50_us"] / 1e3),
    ("first chunk p99", lambda figures: figures.first["p99_us"] / 1e3),
    ("delay p50", lambda figures: figures.delay["p50_us"] / 1e3),
    ("delay p99", lambda figures: figures.delay["p99_us"] / 1e3),
    ("gap p99", lambda figures: figures.gap["p99_us"] / 1e3),
]


def progress_line(sample, rounds: int) -> str:
    """One measurement in one line, as it ends."""
    figures = sample.figures
    kind = f"{sample.held:,} held" if sample.held else f"every {sample.pace_ms} ms"
    delays = "  ".join(f"{report.three_digits(read(figures))} ms {head}" for head, read in _DELAYS)
    broken = f"  *** BROKEN: {_broken([sample])} ***" if figures.broken_count else ""
    return f"round {sample.round}/{rounds}  {kind:<12}  {sample.contender:<12}  {delays}  " \
        f"{figures.cpu_us_per_chunk:.1f} µs/chunk{broken}"


def markdown(facts: dict[str, str], titles: dict[str, str], samples: list, missing: dict[str, str]) -> str:
    """The whole report."""
    paced, held = [s for s in samples if not s.held], [s for s in samples if s.held]
    parts = [
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        _warning(titles, samples),
        "Milliseconds; median of the rounds, the worst of them for *max*. **+** is what the contender added: the "
        "difference to the upstream itself, the median of the differences within each round.",
        _added_table(titles, paced),
        "Lowest – highest of the rounds:",
        _spread_table(titles, samples),
    ]
    if held:
        parts += [f"{held[0].held:,} streams at once, a chunk every {held[0].pace_ms} ms each:",
                  _added_table(titles, held),
                  "What they cost; memory is in MB (10⁶ bytes), *per stream* in KB, from the first round:",
                  _cost_table(titles, held)]
    parts += [f"Without {titles[name]}: {reason}" for name, reason in missing.items()]
    return "\n\n".join(part for part in parts if part)


def _added_table(titles: dict[str, str], samples: list) -> str:
    head = ["pace ms", "contender"] + [cell for name, _ in _DELAYS for cell in (name, "+")]
    rows = []
    for pace, contender, rounds in _groups(titles, samples):
        noise = [s for s in samples if s.contender == NOISE and s.pace_ms == pace]
        row = [str(pace), titles[contender]]
        for _, read in _DELAYS:
            row += [report.three_digits(median(read(s.figures) for s in rounds)), _added(rounds, noise, read)]
        longest = max(s.figures.delay["max_us"] for s in rounds) / 1e3
        cpu = median(s.figures.cpu_us_per_chunk for s in rounds)
        rows.append([*row, report.three_digits(longest), report.three_digits(cpu), _broken(rounds)])
    return report.table([*head, "delay max", "CPU µs/chunk", "broken"], rows)


def _spread_table(titles: dict[str, str], samples: list) -> str:
    rows = []
    for pace, contender, rounds in _groups(titles, samples):
        row = [str(pace), titles[contender]]
        for _, read in _DELAYS:
            values = [read(sample.figures) for sample in rounds]
            row.append(f"{report.three_digits(min(values))} – {report.three_digits(max(values))}")
        rows.append(row)
    return report.table(["pace ms", "contender"] + [name for name, _ in _DELAYS], rows)


def _cost_table(titles: dict[str, str], held: list) -> str:
    rows = []
    for _, contender, rounds in _groups(titles, held):
        first, count = rounds[0].figures, held[0].held
        core = median(s.figures.cpu_seconds / s.figures.seconds for s in rounds) * 1000 / count
        peak = max(s.figures.memory_peak_bytes for s in rounds)
        rows.append([
            titles[contender],
            f"{sum(s.figures.whole for s in rounds):,} of {count * len(rounds):,}",
            f"{median(s.figures.chunks / s.figures.seconds for s in rounds):,.0f}",
            f"{core * 100:.1f} %",
            *(f"{size / 1e6:.1f}" for size in (first.memory_before_bytes, peak, rounds[-1].memory_after_bytes)),
            f"{(first.memory_peak_bytes - first.memory_before_bytes) / count / 1e3:.1f}",
        ])
    return report.table(["contender", "whole streams", "chunks/s", "of a core per 1,000 streams", "memory before",
                         "most", "after", "per stream"], rows)


def _warning(titles: dict[str, str], samples: list) -> str:
    """Says loudly that streams broke; nothing when all came whole."""
    broken = [sample for sample in samples if sample.figures.broken_count]
    lines = [f"> **{title}: {_broken([s for s in broken if s.contender == name])}.**"
             for name, title in titles.items() if any(s.contender == name for s in broken)]
    return "\n".join(["> **Streams broke; these figures do not count.**", ">", *lines]) if lines else ""


def _broken(samples: list) -> str:
    """The broken streams of all rounds by kind, or `0`."""
    kinds = samples[0].figures.broken
    totals = {kind: sum(sample.figures.broken[kind] for sample in samples) for kind in kinds}
    return ", ".join(f"{count:,} {kind}" for kind, count in totals.items() if count) or "0"


def _added(rounds: list, noise: list, read: Callable) -> str:
    differences = [read(one.figures) - read(other.figures) for one, other in zip(rounds, noise)]
    return f"{median(differences):+.3f}" if differences else "–"


def _groups(titles: dict[str, str], samples: list):
    """Yields pace, contender and its rounds, in the report's order."""
    for pace in dict.fromkeys(sample.pace_ms for sample in samples):
        for contender in titles:
            own = [s for s in samples if s.contender == contender and s.pace_ms == pace]
            if own:
                yield pace, contender, own
