"""Before all other programs: on a machine that does something else, too, its work would be taken for the servers'."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from testbed import Testbed

_NICE = -15


@contextmanager
def raised(level: int = 1):
    """What runs and is started inside has real-time priority, if allowed; streams are sent and received at 2."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(level))
    except PermissionError:
        pass  # `description` says so.
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def description() -> str:
    """For the report."""
    with raised():
        if os.sched_getscheduler(0) == os.SCHED_RR:
            return "real-time: what is measured goes before all other programs"
    return "ordinary: what other programs did is in these figures (root may measure at real-time priority)"


class FavouredTestbed(Testbed):
    """Its servers and its load go before other programs, if allowed, and share the cores with each other as usual.

    For a machine that is used up: real-time priority would change who waits for whom, and be throttled there.
    """

    is_allowed = True

    def spawn(self, *arguments, **named) -> subprocess.Popen:
        process = super().spawn(*arguments, **named)
        try:
            os.setpriority(os.PRIO_PGRP, process.pid, _NICE)
            # Linux may first share the cores out among sessions: then this is what counts.
            group = Path(f"/proc/{process.pid}/autogroup")
            if group.exists():
                group.write_text(str(_NICE))
        except PermissionError:
            self.is_allowed = False
        return process

    @property
    def favour(self) -> str:
        """For the report."""
        if self.is_allowed:
            return f"nice {_NICE}: what is measured goes before other programs"
        return "ordinary: what other programs did is in these figures (root may measure before them)"
