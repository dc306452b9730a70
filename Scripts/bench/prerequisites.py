"""What must be there before anything is measured: Debian's packages and the release binary."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nginx
from failure import BenchFailure

REPOSITORY = Path(__file__).resolve().parents[2]
# The command, and the Debian package that brings it.
_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}


def install_packages(packages: dict[str, str] = _PACKAGES) -> None:
    """Installs what is missing, and says so."""
    missing = [package for command, package in packages.items() if not shutil.which(command, path=nginx.SEARCH_PATH)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise BenchFailure(f"these are missing: {', '.join(missing)} (Debian's names); please install them")
    print(f"installing {', '.join(missing)}", file=sys.stderr)
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    for command in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *missing]):
        _run([*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", *command])


def build_apus() -> Path:
    """The release binary; SwiftPM builds only what has changed."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    scratch = Path(os.environ.get("APUS_BUILD_DIR") or Path(cache) / "apus") / "static"
    print(f"building the release binary in {scratch} (the first time takes up to ten minutes)", file=sys.stderr)
    if not shutil.which("swift"):
        raise BenchFailure("swift is missing: install Swift 6.3, or name a binary with --binary PATH")
    flags = ["-c", "release", "--static-swift-stdlib", "--product", "apus"]  # as Scripts/setup.sh does
    _run(["swift", "build", *flags, "--scratch-path", str(scratch)])
    return scratch / "release" / "apus"


def _run(command: list[str]) -> None:
    """Runs `command` with its output on standard error: standard output is the report's."""
    status = subprocess.run(command, cwd=REPOSITORY, stdout=sys.stderr, check=False).returncode
    if status != 0:
        raise BenchFailure(f"`{' '.join(command)}` ended with status {status}")
