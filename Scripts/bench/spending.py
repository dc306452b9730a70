"""Costs in, Markdown out."""

from collections import Counter
from statistics import median

import symbols

_TITLES = {"request": "One chat request, passed on and answered whole", "event": "One event of a stream"}
_NAME_LENGTH = 110
# What is less is not shown: it may come from what was subtracted.
_LEAST_SHARE = 0.0005


def markdown(facts: dict[str, str], subjects: dict, rows: int) -> str:
    """The whole report."""
    parts = ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    for name, subject in subjects.items():
        whole = symbols.with_callers(subject.costs)
        parts += [
            f"**{_TITLES[name]}: {median(subject.figures):,.0f} instructions.** "
            f"The rounds: {_rounds(subject.figures)}.",
            _parts_table(subject, whole),
            _functions_table(subject, whole, rows),
        ]
    return "\n\n".join(parts)


def document(subjects: dict) -> dict:
    """The same for programs: every function, in instructions for one request or event."""
    return {name: {"rounds": subject.figures, "functions": _functions(subject)} for name, subject in subjects.items()}


def _functions(subject) -> list[dict]:
    whole = symbols.with_callers(subject.costs)
    functions = sorted(subject.costs.own, key=lambda function: -whole[function])
    return [
        {"object": function[0], "symbol": function[1], "part": symbols.part(function),
         "itself": subject.costs.own[function] / subject.units, "with_common_parts": whole[function] / subject.units}
        for function in functions
    ]


def _rounds(figures: list[float]) -> str:
    spread = (max(figures) - min(figures)) / min(figures) * 100
    return f"{', '.join(f'{figure:,.0f}' for figure in figures)} (from lowest to highest {spread:.2f} %)"


def _parts_table(subject, whole: Counter) -> str:
    own, caused = Counter(), Counter()
    for function, cost in subject.costs.own.items():
        own[symbols.part(function)] += cost
    for function, cost in whole.items():
        caused[symbols.part(function)] += cost
    total = subject.costs.total()
    rows = []
    for part in sorted(own, key=lambda part: -max(caused[part], own[part])):
        if max(caused[part], own[part]) < _LEAST_SHARE * total:
            break
        rows.append([part, *_figures(own[part], subject.units, total), *_figures(caused[part], subject.units, total)])
    return _table(["part", "itself", "%", "with common parts", "%"], rows)


def _functions_table(subject, whole: Counter, count: int) -> str:
    total = subject.costs.total()
    functions = [function for function, _ in whole.most_common(count)]
    names = symbols.demangled([name for _, name in functions])
    rows = []
    for function, name in zip(functions, names):
        short = name if len(name) <= _NAME_LENGTH else name[:_NAME_LENGTH] + "…"
        rows.append([f"`{short}`", f"{subject.costs.own[function] / subject.units:,.0f}",
                     *_figures(whole[function], subject.units, total)])
    return _table(["function", "itself", "with common parts", "%"], rows)


def _figures(cost: float, units: int, total: float) -> list[str]:
    if cost < _LEAST_SHARE * total:
        return ["–", "–"]
    return [f"{cost / units:,.0f}", f"{100 * cost / total:.1f}"]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
