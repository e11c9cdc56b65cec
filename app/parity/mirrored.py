"""What `--listen` adds to the kit's commands: a run on the requests that a proxy mirrors."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from app.parity import interrupt, live
from app.parity.arguments import Listening, Pace
from app.parity.client import CutOffError, NoAnswerError
from app.parity.listener import ENDED, Listener, Page
from app.parity.recording import Request
from app.parity.terminal import say
from app.webapi.routing import HttpActionDescriptor

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Traffic:
    """Mirrored requests as they come in.

    Attributes:
        listener: where they come in.
        pages: what the listener shows of the run.
    """

    listener: Listener
    pages: live.Pages

    @property
    def skipped(self) -> Counter[str]:
        """How many requests were not sent, by reason."""
        return self.listener.others

    def run(
        self,
        ask: Callable[[Request], _Made],
        pace: Pace,
        limit: int | None,
        readings: int,
        wanted: Callable[[Request], bool] = lambda _: True,
    ) -> Generator[tuple[Request, _Made | NoAnswerError], None, None]:
        """Yield each wanted request with what ``ask`` made of it by ``readings`` requests.

        What a stop cuts off, and what waits when the run ends, is dropped and counted.
        """
        found = (
            request if request is not None and wanted(request) else None
            for request in self.listener
        )
        pause = readings / pace.rate if pace.rate else 0.0
        run = live.run(
            ask, found, pace.concurrency, limit=limit, pause=pause, between=self.pages.make
        )
        try:
            with closing(run):
                for request, made in run:
                    if isinstance(made, CutOffError):
                        self.skipped[ENDED] += 1
                    else:
                        yield request, made
        finally:
            self.listener.stop()


@contextmanager
def mirrored(
    listening: Listening,
    action: HttpActionDescriptor,
    pages: Mapping[str, Callable[[], Page]],
) -> Iterator[Traffic]:
    """Listen for mirrored requests until a run ends, which a held-back signal usually does.

    Raises UsageError for an address that can't be used.
    """
    assert listening.listen is not None
    host, port = listening.listen
    name = f"[{host}]" if ":" in host else host
    shown = live.Pages(pages)
    try:
        listener = Listener(host, port, action, shown, listening.sample)
    except OSError as error:
        raise click.UsageError(f"--listen {name}:{port}: {error.strerror}") from None
    with listener:
        interrupt.check()
        say(f"listening at http://{name}:{listener.port}/")
        yield Traffic(listener, shown)
