"""The report of `./bench limits`."""

from collections.abc import Callable
from statistics import median

import limited
import report
from limits_instructions import Counted
from limits_lease import Waits
from limits_rounds import Found
from load import Sample

_Form = Callable[[float], str]
_Summary = Callable[[list[float], _Form], str]
_BASE = limited.ConfiguredKey.name


def markdown(
    facts: dict[str, str], rounds: Found | None, waits: Waits | None, counted: dict[str, Counted] | None
) -> str:
    """The whole report, without the parts that are none."""
    parts = ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    parts += _instructions(counted) if counted else []
    parts += _rounds(rounds) if rounds else []
    parts += _leases(rounds) if rounds else []
    parts += _waits(waits) if waits else []
    return "\n\n".join(part for part in parts if part)


def document(counted: dict[str, Counted]) -> dict:
    """The instructions for programs."""
    return {
        name: {"rounds": one.plain.figures, "asking": one.asking and one.asking.figures, "steps": one.steps(),
               "requests": one.plain.units, "leases": one.leases}
        for name, one in counted.items()
    }


def _instructions(counted: dict[str, Counted]) -> list[str]:
    base = median(counted[_BASE].plain.figures)
    steps = list(counted[_BASE].steps())
    rows = [
        [one.title, *_added(one.plain.figures, base), *(f"{value:,.0f}" for value in one.steps().values())]
        for one in counted.values()
    ]
    shared = counted[limited.SharedPlan.name]
    rows.append(
        [f"{shared.title}, and it must be asked", *_added(shared.asking.figures, base), *("–" for _ in steps)])
    lease = median(shared.asking.figures) - median(shared.plain.figures)
    return [
        "Instructions per request, in user space, of which the last four columns are a part with all that they call:",
        report.table(["contender", "instructions", "lowest – highest", "adds", "%", *steps], rows),
        f"A lease is {lease:,.0f} instructions. {shared.plain.units:,} requests over Redis took {shared.leases} of "
        "them: more often than otherwise, since everything is slow here.",
    ]


def _added(figures: list[float], base: float) -> list[str]:
    added = median(figures) - base
    return [f"{median(figures):,.0f}", f"{min(figures):,.0f} – {max(figures):,.0f}",
            f"{added:+,.0f}", f"{added / base * 100:+.1f}"]


def _rounds(found: Found) -> list[str]:
    requests, errors = (sum(getattr(s, name) for s in found.samples) for name in ("requests", "error_count"))
    return [
        report.warning(found.titles, found.samples),
        f"Median of the rounds, of {requests:,} requests with {errors:,} errors. **×** is the ratio to nginx as proxy, "
        "**adds** the difference to Apus with a key of the configuration, both formed within each round.",
        _table(found, lambda values, form: form(median(values))),
        "Lowest – highest of the rounds:",
        _table(found, lambda values, form: f"{form(min(values))} – {form(max(values))}"),
    ]


def _table(found: Found, summary: _Summary) -> str:
    head = ["connections", "contender", "requests/s", "×", "p50 ms", "adds", "p99 ms", "slowest ms", "CPU µs/request",
            "adds"]
    rows = []
    for connections, contender, own in report.groups(found.titles, found.samples):
        base, yardstick = (
            {s.round: s for s in found.samples if (s.contender, s.connections) == (name, connections)}
            for name in (_BASE, report.YARDSTICK))
        rows.append([
            str(connections), found.titles[contender],
            summary([s.requests_per_second for s in own], "{:,.0f}".format),
            summary([s.requests_per_second / yardstick[s.round].requests_per_second for s in own], "{:.2f}".format),
            summary([s.p50_ms for s in own], report.three_digits),
            _adds(own, base, "p50_ms", summary, "{:+.3f}".format),
            summary([s.p99_ms for s in own], report.three_digits),
            summary([s.max_ms for s in own], report.three_digits),
            summary([s.cpu_us_per_request for s in own], report.three_digits),
            _adds(own, base, "cpu_us_per_request", summary, "{:+.1f}".format),
        ])
    return report.table(head, rows)


def _adds(own: list[Sample], base: dict[int, Sample], name: str, summary: _Summary, form: _Form) -> str:
    if own[0].contender in (_BASE, report.YARDSTICK):
        return "–"
    return summary([getattr(sample, name) - getattr(base[sample.round], name) for sample in own], form)


def _leases(found: Found) -> list[str]:
    rows = []
    for connections, rounds in sorted(found.leases.items()):
        count, requests = sum(leases.count for leases, _ in rounds), sum(requests for _, requests in rounds)
        microseconds = sum(leases.microseconds for leases, _ in rounds)
        rows.append([str(connections), f"{requests:,}", f"{count:,}", f"{count / requests * 1000:.2f}",
                     f"{microseconds / count:,.0f}"])
    return [
        "How often Redis is asked, while all is well:",
        report.table(["connections", "requests", "leases", "per 1,000 requests", "µs within Redis for each"], rows),
    ]


def _waits(waits: Waits) -> list[str]:
    plain, shared = limited.Plan.name, limited.SharedPlan.name
    rows = [[waits.titles[name], f"{len(waits.times[name]):,}", *map(report.three_digits, waits.figures(name))]
            for name in (plain, shared)]
    added = [with_lease - without for with_lease, without in zip(waits.times[shared], waits.times[plain])]
    return [
        f"One request after the other, each with a key that has no lease yet, so that Redis is asked for each "
        f"({waits.leases} leases); milliseconds, client and upstream included. A lease adds {median(added):.3f} ms "
        "(median of the differences).",
        report.table(["contender", "requests", "p50", "p99", "slowest"], rows),
    ]
