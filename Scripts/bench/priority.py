"""Before all other programs: on a machine that does something else, too, its work would be taken for the servers'."""

import os
from contextlib import contextmanager


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
