"""What a reader must know of the machine to weigh the figures."""

import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import prerequisites


def description() -> dict[str, str]:
    """By the name that the report prints."""
    return {
        "Machine": f"{_cpu_model()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB; {_system()}, "
        f"Linux {platform.release().partition('-')[0]}; load average {os.getloadavg()[0]:.2f} before the start",
        "Date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "Commit": commit(),
        "Command": f"`{command()}`",
    }


def commit() -> str:
    """The working folder's commit, and whether more than that was measured."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "none"
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}, with uncommitted changes" if changed else head


def command() -> str:
    """As it was typed; the caller's home folder is shown as `~`."""
    home = str(Path.home())
    words = (f"~{word.removeprefix(home)}" if word.startswith(home + "/") else word for word in sys.argv[1:])
    return " ".join(["./bench", *words])


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "Linux"


def _git(*arguments: str) -> str:
    """What git says, or nothing where there is no git or no commit yet."""
    try:
        told = subprocess.run(
            ["git", *arguments], cwd=prerequisites.REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
