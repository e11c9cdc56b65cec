"""Which requests a run sends: for users, plainly or by the matrix, of logs, or of recordings."""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from app.parity import matrix, recording
from app.parity.access_log import AccessLog
from app.parity.client import with_host
from app.parity.errors import InputError
from app.parity.log_text import lines, opened
from app.parity.recording import Request
from app.webapi.routing import HttpActionDescriptor

Tagged = tuple[str, Request]
_Item = TypeVar("_Item")
_RANGE: Final = re.compile(r"(-?\d{1,10})(?:-(-?\d{1,10}))?")
_LOWEST: Final = -(2**31)
_HIGHEST: Final = 2**31 - 1
_BLOCK: Final = 10_000


class SelectionError(InputError):
    """Users that can't be read; the message says what is allowed."""


def users(text: str) -> Callable[[], Iterator[int]]:
    """Read ids and ranges between commas (``1-100,7``), or the path of a file with one a line.

    Raises SelectionError.
    """
    try:
        ranges = [_range(part.strip(), "--users") for part in text.split(",")]
    except SelectionError:
        # A long list is no name of a file, and some systems refuse to look for one.
        if not os.path.isfile(text):
            raise
        path = Path(text)
        deque(_of_file(path), 0)  # A bad line stops the run before its first request.
        return lambda: chain.from_iterable(_of_file(path))
    return lambda: iter(chain.from_iterable(ranges))


@dataclass
class Selection:
    """Requests to one action, streamed, in one order each time.

    Attributes:
        action: the action of all requests.
        host: the Host of requests that name none.
        ids: the users.
        by_matrix: send each user's requests of the matrix, else one for JSON and one for XML.
        logs: files to take requests from.
        recorded: recordings whose GETs are sent.
        limit: of requests.
    """

    action: HttpActionDescriptor
    host: str
    ids: Callable[[], Iterator[int]] = field(default=lambda: iter(()))
    by_matrix: bool = False
    logs: list[AccessLog] = field(default_factory=list)
    recorded: Path | None = None
    limit: int | None = None

    def __iter__(self) -> Iterator[Tagged]:
        """Yield tags and requests."""
        return islice(map(self._hosted, self._all()), self.limit)

    def _all(self) -> Iterator[Tagged]:
        ask = matrix.matrix if self.by_matrix else matrix.plain
        yield from (tagged for user in self.ids() for tagged in ask(self.action, user))
        for log in self.logs:
            yield from log
        if self.recorded is not None:
            for item in recording.read(self.recorded):
                if item.request.method == "GET":
                    yield item.tag, item.request

    def _hosted(self, tagged: Tagged) -> Tagged:
        tag, request = tagged
        if request.header("Host") is not None:
            return tagged
        return tag, replace(request, headers=with_host(request.headers, self.host))


def shuffled(items: Iterable[_Item], seed: int, repeat: int = 0) -> Iterator[_Item]:
    """Yield items in random order, each so many times more, ten thousand at a time.

    Blocks bound the memory.
    """
    random = Random(seed)
    left = iter(items)
    while block := list(islice(left, max(1, _BLOCK // (1 + repeat)))):
        block *= 1 + repeat
        random.shuffle(block)
        yield from block


def _of_file(path: Path) -> Iterator[range]:
    with opened(path) as text:
        for number, line in enumerate(lines(text), 1):
            if line.strip():
                yield _range(line.strip(), f"{path}:{number}")


def _range(text: str, where: str) -> range:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise SelectionError(f"{where}: must be an id or a range such as 1-100, not {text[:60]!r}")
    first = int(found[1])
    last = int(found[2] or first)
    if not _LOWEST <= first <= last <= _HIGHEST:
        raise SelectionError(f"{where}: {text!r} is not within {_LOWEST} to {_HIGHEST}, upwards")
    return range(first, last + 1)
