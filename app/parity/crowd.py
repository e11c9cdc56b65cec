"""Sends one request alone while all others wait."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Crowd:
    """Many may be in it at once; who wants to be alone waits until all others have left.

    Args:
        most_alone: how often one may be alone for one reason: it holds up everyone.
        most_reasons: for how many reasons.
    """

    def __init__(self, most_alone: int = 5, most_reasons: int = 50) -> None:
        self._most_alone = most_alone
        self._most_reasons = most_reasons
        self._times: Counter[str] = Counter()
        self._inside = 0
        self._changed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Send a request while others are sent."""
        with self._turn, self._changed:
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self, reason: str) -> Iterator[bool]:
        """Send a request alone; yields ``False`` where that was done often enough for a reason."""
        with self._changed:
            known = reason in self._times or len(self._times) < self._most_reasons
            may = known and self._times[reason] < self._most_alone
            if may:
                self._times[reason] += 1
        if not may:
            yield False
            return
        with self._turn:
            with self._changed:
                self._changed.wait_for(lambda: not self._inside)
            yield True
