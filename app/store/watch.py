"""Watches the calls to a database server: ends those that wait too long, and knows it is away.

A server that takes connections and never answers, as one that is stopped or swaps, would else
take one thread after another out of service, for no driver bounds the wait for an answer.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_TICK_SECONDS = 0.1
# A call that waits so long has the server asked, beside it, whether it answers at all.
_SUSPICIOUS_SECONDS = 0.5
_PING_SECONDS = 0.5
_PAUSE_SECONDS = 0.2
# What is left of a request's time for its answer.
_RESERVE_SECONDS = 0.3


class AwayError(Exception):
    """The server did not answer when it was last asked, and is not asked again by requests."""


class Watch:
    """Bounds calls to a server, each in a thread of its own.

    Args:
        seconds: how long a call may take.
        ping: asks the server something trivial over a new connection, and raises if it can't.
    """

    def __init__(self, seconds: float, ping: Callable[[], None]) -> None:
        self._seconds = seconds - _RESERVE_SECONDS
        self._ping = ping
        self._calls: dict[int, tuple[float, Any]] = {}
        self._ending = threading.Lock()
        self._away = False
        self._pinging: threading.Thread | None = None
        self._pinging_since = 0.0
        self._pid = 0

    def begin(self, connection: Any | None) -> None:
        """Begin this thread's call, on a kept connection if there is one. Raises AwayError."""
        if self._away:
            raise AwayError("the server does not answer")
        # A thread does not come along into a fork.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._run, daemon=True).start()
        self._calls[threading.get_ident()] = (time.monotonic(), connection)

    def connected(self, connection: Any) -> None:
        """Let this thread's call, if there is one, wait on a new connection."""
        call = self._calls.get(threading.get_ident())
        if call is not None:
            self._calls[threading.get_ident()] = (call[0], connection)

    def end(self) -> None:
        """End this thread's call."""
        if self._calls.pop(threading.get_ident(), None) is None:
            # Its connection is being shut: what comes after must not use the same descriptor.
            with self._ending:
                self._calls.pop(threading.get_ident(), None)

    def _run(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            now = time.monotonic()
            waiting = [(thread, now - call[0]) for thread, call in list(self._calls.items())]
            for thread, seconds in waiting:
                if seconds > self._seconds:
                    self._shut(thread)
            if self._pinging is None:
                if any(seconds > _SUSPICIOUS_SECONDS for _, seconds in waiting):
                    self._start_pinging(now)
            elif not self._away and now - self._pinging_since > _PING_SECONDS:
                self._away = True
                for thread, _ in waiting:
                    if thread != self._pinging.ident:
                        self._shut(thread)

    def _start_pinging(self, now: float) -> None:
        self._pinging_since = now
        self._pinging = threading.Thread(target=self._ping_until_answered, daemon=True)
        self._pinging.start()

    def _ping_until_answered(self) -> None:
        while True:
            self._calls[threading.get_ident()] = (time.monotonic(), None)
            try:
                self._ping()
                break
            except Exception:
                time.sleep(_PAUSE_SECONDS)
            finally:
                self.end()
        self._away = False
        self._pinging = None

    def _shut(self, thread: int) -> None:
        """Shut a call's connection, which lets the driver fail as if the server had closed it."""
        with self._ending:
            call = self._calls.pop(thread, None)
            descriptor = getattr(call and call[1], "fileno", None)
            if descriptor is None:
                return
            with suppress(Exception), socket.socket(fileno=os.dup(descriptor())) as copy:
                copy.shutdown(socket.SHUT_RDWR)
