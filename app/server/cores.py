"""The cores of this machine that the service may use, and pinning to one of them.

Left alone, the threads of one worker spread over the cores and fight for the GIL: half of the
throughput on two free cores. Only Linux lets a process choose.
"""

import os


def cores() -> list[int]:
    """Return the numbers of the usable cores."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(core: int) -> None:
    """Keep this process and the threads that it starts later on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
