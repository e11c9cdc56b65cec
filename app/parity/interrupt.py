"""Ctrl-C and SIGTERM end a run between two of its steps.

Python runs a signal's handler in the main thread, between any two instructions. An exception from
it in the middle of a lock of ``threading`` breaks the lock ("release unlocked lock"), so the
handler raises only where ``allowed`` says so.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TypeVar

_Item = TypeVar("_Item")
_STOPS = (signal.SIGINT, signal.SIGTERM)


class _State:
    came = False
    is_allowed = False


@contextmanager
def held_back(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGINT or SIGTERM; ``allowed`` and ``check`` raise it.

    In another thread than the main one this does nothing: only that one may set handlers. What a
    shell has ignored for a command in the background stays ignored.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        # Not within stop(), which a second signal would otherwise end.
        is_allowed, _State.is_allowed = _State.is_allowed, False
        if not _State.came:
            _State.came = True
            stop()
        if is_allowed:
            raise KeyboardInterrupt

    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            stack.callback(setattr, _State, "came", False)
            for number in _STOPS:
                if signal.getsignal(number) is signal.SIG_IGN:
                    continue
                stack.callback(signal.signal, number, signal.signal(number, handle))
        yield


def leave_to_the_main_thread() -> None:
    """Receive no stop in this thread, which would leave the main one asleep.

    Only the main thread runs handlers. Of two different signals another thread may take both, and
    what the main one waits in is not interrupted.
    """
    if sys.platform != "win32" and hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)


def came() -> bool:
    """Whether a signal came and was held back."""
    return _State.came


def check() -> None:
    """Raise KeyboardInterrupt if a signal came and was held back."""
    if came():
        raise KeyboardInterrupt


@contextmanager
def allowed() -> Iterator[None]:
    """Let a signal raise KeyboardInterrupt in here: for what waits, and holds no lock."""
    _State.is_allowed = True
    try:
        check()
        yield
    finally:
        _State.is_allowed = False


def allowed_between(items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield the items; let a signal interrupt the reading of the next, which may be a pipe's."""
    left = iter(items)
    while True:
        with allowed():
            try:
                item = next(left)
            except StopIteration:
                return
        yield item
