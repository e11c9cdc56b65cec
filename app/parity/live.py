"""Runs the kit on live traffic: sends what a listener receives, until it is stopped."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from app.parity import interrupt
from app.parity.client import NoAnswerError
from app.parity.listener import Page

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_PAGE_SECONDS: Final = 10.0
_TICK: Final = 0.2
"""Seconds after which pages are made and a stop is noticed, whatever is waited for."""


class Pages:
    """Pages about a run, requested in a server's threads and made in the run's own.

    Args:
        made: path -> what makes its page.
        seconds: how long a page is waited for.
    """

    def __init__(
        self, made: Mapping[str, Callable[[], Page]], seconds: float = _PAGE_SECONDS
    ) -> None:
        self._made = made
        self._seconds = seconds
        self._wanted: SimpleQueue[tuple[str, Future[Page]]] = SimpleQueue()

    def __call__(self, path: str) -> Page | None:
        """Return a page, ``None`` for an unknown path.

        Raises TimeoutError where the run does not make it in time, as after its end.
        """
        if path not in self._made:
            return None
        page: Future[Page] = Future()
        self._wanted.put((path, page))
        return page.result(self._seconds)

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

    After a signal it waits for no pause: whoever stopped the run makes ``ask`` end at once.

    Args:
        ask: may raise NoAnswerError.
        items: what to send; ``None`` says that there is none now.
        concurrency: how many requests are sent at once.
        limit: stop after so many requests.
        pause: seconds between two requests.
        between: is called often, while no result is being judged.
    """
    asked = 0
    next_at = time.monotonic()
    waiting: dict[Future[_Made], _Item] = {}
    with ThreadPoolExecutor(concurrency, initializer=interrupt.leave_to_the_main_thread) as pool:
        for item in items:
            between()
            if item is not None:
                while not interrupt.came():
                    left = next_at - time.monotonic()
                    if left <= 0 and len(waiting) < concurrency:
                        break
                    yield from _made(waiting, min(left, _TICK) if left > 0 else _TICK)
                    between()
                waiting[pool.submit(ask, item)] = item
                next_at = time.monotonic() + pause
                asked += 1
            yield from _made(waiting, 0)
            if asked == limit:
                break
        while waiting:
            yield from _made(waiting, _TICK)
            between()


def _made(
    waiting: dict["Future[_Made]", _Item], seconds: float
) -> Iterator[tuple[_Item, _Made | NoAnswerError]]:
    """Yield what is made, and take it from what waits; for the first wait so many seconds."""
    if not waiting:
        time.sleep(seconds)
    for future in wait(waiting, seconds, FIRST_COMPLETED).done:
        item = waiting.pop(future)
        try:
            yield item, future.result()
        except NoAnswerError as error:
            yield item, error
