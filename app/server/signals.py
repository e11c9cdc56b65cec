"""Signals of a server's workers: none is lost while a worker starts.

A forked child has its parent's handlers until it installs its own, and Python forgets what reaches
a child before its first instruction. The server would wait for that worker until GRACEFUL_SECONDS.
"""

import os
import signal
import sys
from collections.abc import Collection
from functools import partial

_STOPS = {signal.SIGTERM, signal.SIGINT}
if hasattr(signal, "SIGQUIT"):
    _STOPS.add(signal.SIGQUIT)


def let_a_stop_end_new_workers(blocked: Collection[signal.Signals] = ()) -> None:
    """Let SIGTERM, SIGINT and SIGQUIT end each later child until it installs its own handlers.

    A child never receives those of ``blocked``. Does nothing where there is no fork.
    """
    if sys.platform == "win32" or not hasattr(os, "register_at_fork"):
        return
    received = _STOPS.difference(blocked)

    def be_a_child() -> None:
        for number in received:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, received)

    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, _STOPS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, _STOPS),
        after_in_child=be_a_child,
    )
