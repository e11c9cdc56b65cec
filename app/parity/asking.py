"""Sends many requests at once, in bounded memory; results are in the order of the requests."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from app.parity import interrupt
from app.parity.client import NoAnswerError

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_AHEAD = 4


class StoppedError(Exception):
    """The run stopped before its end; the message says why."""


class Asking:
    """How many at once, how fast, and after how many failures a run stops.

    Args:
        concurrency: requests at once.
        rate: requests a second at most, ``None`` without limit.
        failures: a run stops when so many requests got no answer.
    """

    def __init__(self, concurrency: int, rate: float | None, failures: int) -> None:
        self._concurrency = concurrency
        self._pause = 1 / rate if rate else 0.0
        self._failures = failures

    def run(
        self,
        ask: Callable[[_Item], _Made],
        items: Iterable[_Item],
        failure: Callable[[_Made], str | None] = lambda _: None,
    ) -> Generator[tuple[_Item, _Made | NoAnswerError], None, None]:
        """Yield each item with what ``ask`` made of it. Raises StoppedError.

        ``failure`` says why something that was made counts as a failure too.
        """
        failed = 0
        pool = ThreadPoolExecutor(self._concurrency, initializer=interrupt.leave_to_the_main_thread)
        waiting: deque[tuple[_Item, Future[_Made]]] = deque()
        paced = self._paced(items)
        most = _AHEAD * self._concurrency
        try:
            while True:
                for item in islice(paced, most - len(waiting)):
                    is_ready = bool(waiting) and waiting[0][1].done()
                    waiting.append((item, pool.submit(ask, item)))
                    if is_ready:
                        # A result is not kept back, however long the items are in coming.
                        break
                if not waiting:
                    return
                item, future = waiting.popleft()
                made = _made(future)
                interrupt.check()
                yield item, made
                reason = str(made) if isinstance(made, NoAnswerError) else failure(made)
                failed += reason is not None
                if failed >= self._failures:
                    raise StoppedError(f"stopped after {failed} failures, the last: {reason}")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _paced(self, items: Iterable[_Item]) -> Iterator[_Item]:
        next_at = time.monotonic()
        for item in items:
            if self._pause:
                with interrupt.allowed():
                    time.sleep(max(0.0, next_at - time.monotonic()))
                next_at = max(next_at + self._pause, time.monotonic())
            yield item


def _made(future: "Future[_Made]") -> _Made | NoAnswerError:
    try:
        return future.result()
    except NoAnswerError as error:
        return error
