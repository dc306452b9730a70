"""Writes NAME.txt from NAME.in: every package that is needed, by version and SHA-256.

Usage: python3 Scripts/pin.py [NAME.in] (without it: the requirements-test.in beside this file)
With Debian 12's Python 3.11 on x86_64: a wheel's checksum holds for its platform only.
"""

import json
import subprocess
import sys
from pathlib import Path

WANTED = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("requirements-test.in")
RESOLVE = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary", ":all:",
           "--quiet", "--report", "-", "--requirement", str(WANTED)]


def pinned(package):
    name, version = package["metadata"]["name"], package["metadata"]["version"]
    return f"{name}=={version} --hash=sha256:{package['download_info']['archive_info']['hashes']['sha256']}"


report = json.loads(subprocess.run(RESOLVE, check=True, stdout=subprocess.PIPE).stdout)
lines = sorted((pinned(package) for package in report["install"]), key=str.lower)
WANTED.with_suffix(".txt").write_text(f"# Made by pin.py from {WANTED.name}.\n" + "\n".join(lines) + "\n")
