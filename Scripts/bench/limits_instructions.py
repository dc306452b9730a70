"""What key check and limit cost in instructions: the same on a busy machine."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import callgrind
import limited
import options
import profile
from redis_server import Redis

# What is looked for, and the functions that do it, by their symbols.
_STEPS = {
    "the key's SHA-256": re.compile(r"\$s3Web12PresentedKeyO"),
    "who has it": re.compile(r"\$s8Accounts7KeyRingC6caller"),
    "the limits": re.compile(r"\$s3Web6CallerC5(enter|leave)"),
    "their headers": re.compile(r"\$s3Web8StandingV3add"),
}
# A closure has its function's symbol with this in it; it is entered from within.
_CLOSURE = "U_"
_PROCESSES, _ASKING_ROUNDS, _ASKING = 2, 2, 100


@dataclass
class Counted:
    """Instructions per request: with a lease at hand, and, where that is shared, without."""

    title: str
    plain: profile.Subject = field(default_factory=profile.Subject)
    asking: profile.Subject | None = None
    # Of the plain ones: Redis was asked so often, since under callgrind fewer requests come in a second.
    leases: int = 0

    def steps(self) -> dict[str, float]:
        """The parts of a request that have to do with keys and limits, with all that they call."""
        return {name: _entered(self.plain.costs, pattern) / self.plain.units for name, pattern in _STEPS.items()}


def measure(binary, redis: Redis) -> dict[str, Counted]:
    """By contender; the Redis runs outside of callgrind."""
    apuses = limited.field(binary, redis)
    found = {apus.name: Counted(apus.title) for apus in apuses}
    for number in range(1, _PROCESSES + 1):
        for apus in apuses:
            with callgrind.CallgrindTestbed() as testbed:
                _measure(profile.Process(testbed, apus), apus, redis, found[apus.name])
            figures = ", ".join(f"{figure:,.0f}" for figure in found[apus.name].plain.figures)
            options.progress(f"instructions, process {number} of {_PROCESSES}, {apus.name}: {figures}")
    return found


def _measure(process: profile.Process, apus: limited.ConfiguredKey, redis: Redis, counted: Counted) -> None:
    before = redis.leases()
    process.measure(profile.requests, counted.plain)
    counted.leases += redis.leases().since(before).count
    if isinstance(apus, limited.SharedPlan):
        counted.asking = counted.asking or profile.Subject()
        process.measure(_asking(apus), counted.asking)


def _asking(apus: limited.SharedPlan) -> Callable[[profile.Process, profile.Subject], None]:
    """Requests with a key of their own each, so that each has to ask Redis."""
    def rounds(process: profile.Process, subject: profile.Subject) -> None:
        for _ in range(_ASKING_ROUNDS):
            callers = [apus.new_caller(apus.server) for _ in range(_ASKING)]
            subject.add(process.count(lambda: ask(process.client, callers)), _ASKING)

    def ask(client, callers: list[dict[str, str]]) -> None:
        for caller in callers:
            client.headers |= caller
            client.ask()

    return rounds


def _entered(costs: callgrind.Costs, pattern: re.Pattern) -> float:
    """The cost of all calls from elsewhere into what `pattern` names."""
    return sum(
        cost for (caller, callee), cost in costs.calls.items()
        if pattern.match(callee[1]) and _CLOSURE not in callee[1] and not pattern.match(caller[1])
    )
