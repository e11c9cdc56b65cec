"""Runs the kit on live traffic: sends what a listener receives, until it is stopped."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from app.parity.client import NoAnswerError
from app.parity.interrupt import leave_to_the_main_thread
from app.parity.listener import Page

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_PAGE_SECONDS: Final = 10


class Pages:
    """Pages about a run, requested in a server's threads and made in the run's own.

    Args:
        made: path -> what makes its page.
    """

    def __init__(self, made: Mapping[str, Callable[[], Page]]) -> None:
        self._made = made
        self._wanted: SimpleQueue[tuple[str, Future[Page]]] = SimpleQueue()

    def __call__(self, path: str) -> Page | None:
        """Return a page, ``None`` for an unknown path or after the run's end."""
        if path not in self._made:
            return None
        page: Future[Page] = Future()
        self._wanted.put((path, page))
        try:
            return page.result(_PAGE_SECONDS)
        except TimeoutError:
            return None

    def make(self) -> None:
        """Make the pages that are waited for."""
        while True:
            try:
                path, page = self._wanted.get_nowait()
            except Empty:
                return
            page.set_result(self._made[path]())


def metrics(counts: Mapping[str, Counter[Any]]) -> Page:
    """Return counters for Prometheus: a name, and its count for each value of its label."""
    lines = []
    for name, counter in counts.items():
        lines.append(f"# TYPE chargecloud_parity_{name} counter")
        for label, count in sorted((str(key), count) for key, count in counter.items()):
            escaped = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            lines.append(f'chargecloud_parity_{name}_total{{kind="{escaped}"}} {count}')
    return "text/plain; version=0.0.4; charset=utf-8", "".join(f"{x}\n" for x in lines).encode()


def run(
    ask: Callable[[_Item], _Made],
    items: Iterable[_Item | None],
    concurrency: int,
    *,
    limit: int | None = None,
    pause: float = 0,
    between: Callable[[], object] = lambda: None,
) -> Generator[tuple[_Item, _Made | NoAnswerError], None, None]:
    """Yield each item with what ``ask`` made of it, soon after it was made.

    Args:
        ask: may raise NoAnswerError.
        items: what to send; ``None`` says that there is none now.
        concurrency: how many requests are sent at once.
        limit: stop after so many requests.
        pause: seconds between two requests.
        between: is called often, while no result is being judged.
    """
    asked = 0
    waiting: dict[Future[_Made], _Item] = {}
    with ThreadPoolExecutor(concurrency, initializer=leave_to_the_main_thread) as pool:
        for item in items:
            between()
            if item is not None:
                time.sleep(pause)
                waiting[pool.submit(ask, item)] = item
                asked += 1
            full = len(waiting) >= concurrency
            done, _ = wait(waiting, None if full else 0, FIRST_COMPLETED)
            yield from _made(done, waiting)
            if asked == limit:
                break
        done, _ = wait(waiting)
        yield from _made(done, waiting)


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on SIGINT and SIGTERM: for a run on live traffic this is the usual end."""
    before = {
        number: signal.signal(number, lambda *_: stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _made(
    done: Iterable["Future[_Made]"], waiting: dict["Future[_Made]", _Item]
) -> Iterator[tuple[_Item, _Made | NoAnswerError]]:
    for future in done:
        item = waiting.pop(future)
        try:
            yield item, future.result()
        except NoAnswerError as error:
            yield item, error
