"""How long the current thread may still wait for the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

_DEADLINE: ContextVar[float] = ContextVar("deadline", default=inf)


class SilenceError(Exception):
    """The database gave no answer before the deadline."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the block so many seconds, or what an outer block has left if that is less."""
    token = _DEADLINE.set(min(_DEADLINE.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def remaining() -> float:
    """Return the seconds until the deadline, infinity without one."""
    return _DEADLINE.get() - monotonic()
