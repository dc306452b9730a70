"""What the report says of peers beside the tables: who is missing, and how Apus compares."""

from collections.abc import Iterable
from statistics import median

from load import Sample

_OURS = "apus"


def lines(titles: dict[str, str], gateways: Iterable[str], samples: list[Sample], missing: dict[str, str]) -> str:
    """A list for below the figures; empty without peers. `gateways` are the names of those that know models."""
    compared = [
        f"- {line}" for connections in sorted({sample.connections for sample in samples})
        if (line := _comparison(titles, gateways, [s for s in samples if s.connections == connections]))
    ]
    measured = {sample.contender for sample in samples}
    left_out = [
        f"- not measured{' throughout' if name in measured else ''}: {titles[name]}: {why}"
        for name, why in missing.items()
    ]
    return "\n".join(compared + left_out)


def _comparison(titles: dict[str, str], gateways: Iterable[str], samples: list[Sample]) -> str:
    """Apus and the AI gateway with the most requests/s of those that answered everything; nothing without one."""
    ours, *rivals = (_rounds(samples, name) for name in (_OURS, *gateways))
    sound = [rounds for rounds in rivals if rounds and not any(sample.error_count for sample in rounds)]
    if not ours or not sound:
        return ""
    best = max(sound, key=lambda rounds: median(sample.requests_per_second for sample in rounds))
    count = ours[0].connections
    head = f"Apus / best AI gateway at {count} connection{'s' if count > 1 else ''} ({titles[best[0].contender]})"
    kinds = {"requests/s": "requests_per_second", "p50": "p50_ms", "CPU/request": "cpu_us_per_request"}
    return f"{head}: " + ", ".join(f"×{_ratio(ours, best, field)} {kind}" for kind, field in kinds.items())


def _rounds(samples: list[Sample], name: str) -> list[Sample]:
    return [sample for sample in samples if sample.contender == name]


def _ratio(ours: list[Sample], theirs: list[Sample], name: str) -> str:
    """The median of the ratios within each round, as in the tables."""
    units = {sample.round: getattr(sample, name) for sample in theirs}
    ratios = [getattr(sample, name) / units[sample.round] for sample in ours if units.get(sample.round)]
    return f"{median(ratios):.2f}" if ratios else "–"
