"""What the kernel tells about processes."""

import os
import time
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """`root` and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:  # Grows while it is walked: breadth first.
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of `pids`; the kernel counts in ticks, mostly of 10 ms."""
    stats = filter(None, map(_stat, pids))
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / _TICKS_PER_SECOND


def wait_until_idle(root: int, seconds: float = 20) -> None:
    """Returns once `root` and its descendants use under a tenth of a core, or after `seconds`.

    A slow server goes on with what it had taken from a client that left; who is measured next would pay for it.
    """
    deadline, window = time.monotonic() + seconds, 0.2
    while time.monotonic() < deadline:
        before = cpu_seconds(tree(root))
        time.sleep(window)
        if cpu_seconds(tree(root)) - before < window / 10:
            return


def resident_bytes(pids: list[int]) -> int:
    """VmRSS of `pids` added up; pages that they share count once for each of them."""
    return sum(map(_resident, pids))


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name (which may hold spaces); none when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
