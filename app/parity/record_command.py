"""The command that records a service."""

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from flask.cli import with_appcontext

from app.parity import live
from app.parity.arguments import Listening, Masking, Pace, Requests
from app.parity.asking import Asking, StoppedError
from app.parity.client import NoAnswerError, Service, Timed
from app.parity.coverage import same_error
from app.parity.credentials import Credentials
from app.parity.interrupt import allowed_between
from app.parity.mirrored import Traffic, mirrored
from app.parity.options import (
    LISTENING,
    MASKING,
    PACE,
    REQUESTS,
    credentials,
    url_argument,
    written,
)
from app.parity.preparing import chosen_mask, say_others, selection_of, service_of
from app.parity.recorder import Recorder
from app.parity.recording import Request
from app.parity.running import stoppable
from app.parity.selection import Selection, Tagged
from app.parity.terminal import progress, say
from app.parity.verdict import ExitCode

_MIRRORED: Final = "mirrored"
_Recorded = Generator[tuple[Tagged, Timed | NoAnswerError], None, None]
_GENTLE: Final = 10.0
"""The default rate, in requests a second, for a service on another machine, which others use."""


@click.command("record")
@click.argument("base_url", callback=url_argument)
@REQUESTS
@LISTENING
@PACE
@MASKING
@credentials()
@click.option("--error-detail", is_flag=True, help="The service shows MessageDetail.")
@click.option(
    "--errors",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Stop after more than this many 5xx answers.",
)
@click.option(
    "--output",
    type=written,
    default="recordings.jsonl",
    show_default=True,
    help="The file to write.",
)
@click.option("--resume", is_flag=True, help="Continue where the file ends.")
@with_appcontext
def record(
    base_url: str,
    requests: Requests,
    listening: Listening,
    pace: Pace,
    masking: Masking,
    credentials: Credentials,
    error_detail: bool,
    errors: int,
    output: Path,
    resume: bool,
) -> int:
    """Send a service GET requests and record its answers.

    A service on another machine receives 10 requests a second unless --rate says otherwise.
    """
    service = service_of(base_url, pace, credentials)
    pace = replace(pace, rate=pace.rate or (None if service.is_local else _GENTLE))
    chosen = selection_of(service, requests, listening=listening)
    mask = chosen_mask(masking, chosen.action)
    skipped: Counter[str] = Counter()
    with (
        stoppable(service),
        Recorder(output, resume, error_detail, mask) as recorder,
        ExitStack() as stack,
    ):
        if listening.listen is not None:
            pages = {
                "/metrics": lambda: live.metrics({"answers": recorder.statuses, "skipped": skipped})
            }
            traffic = stack.enter_context(mirrored(listening, chosen.action, pages))
            skipped = traffic.skipped
            run = _mirrored(traffic, recorder, service, pace, requests.limit)
        else:
            run = _chosen(chosen, recorder, service, pace)
        try:
            failed = _write(run, recorder, output, errors)
        except StoppedError as error:
            say(str(error), err=True)
            return ExitCode.COULD_NOT_ASK
        finally:
            say_others(chosen)
            for why, count in skipped.most_common():
                say(f"skipped: {count:,} {why}")
            say(f"{output}: {recorder.summary()}")
    return _ended(failed, recorder)


def _ended(failed: int, recorder: Recorder) -> ExitCode:
    """Return the exit code, and say why a recording proves nothing."""
    if failed or not recorder.in_file:
        return ExitCode.COULD_NOT_ASK
    problem = same_error(recorder.in_file)
    if problem is not None:
        say(f"FAILED: {problem}")
    return ExitCode.SAME if problem is None else ExitCode.DIFFERENT


def _write(run: _Recorded, recorder: Recorder, output: Path, errors: int) -> int:
    """Record what is answered, and return how many requests were not.

    Raises StoppedError beyond so many 5xx, and where the file can't be written.
    """
    failed = 0
    with closing(run):
        for (tag, request), made in run:
            if isinstance(made, NoAnswerError):
                say(f"{request.target}: {made}", err=True)
                failed += 1
            else:
                try:
                    recorder.write(tag, request, made.answer)
                except OSError as error:
                    raise StoppedError(f"stopped: {output}: {error.strerror}") from None
                _stop_beyond(errors, recorder)
    return failed


def _chosen(chosen: Selection, recorder: Recorder, service: Service, pace: Pace) -> _Recorded:
    """Yield the chosen requests that are not recorded yet, each with its answer."""
    new = recorder.missing(progress(allowed_between(chosen), None))
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    return asking.run(lambda item: service.ask_whole(item[1]), new)


def _mirrored(
    traffic: Traffic, recorder: Recorder, service: Service, pace: Pace, limit: int | None
) -> _Recorded:
    """Yield the mirrored requests that are not recorded yet, each with its answer."""

    def is_new(request: Request) -> bool:
        return next(recorder.missing([(_MIRRORED, request)]), None) is not None

    run = traffic.run(service.ask_whole, pace, limit, readings=1, wanted=is_new)
    with closing(run):
        for request, made in run:
            yield (_MIRRORED, request), made


def _stop_beyond(errors: int, recorder: Recorder) -> None:
    failed = sum(n for status, n in recorder.statuses.items() if status >= 500)
    if failed > errors:
        raise StoppedError(f"stopped: {failed} answers were 5xx, and --errors allows {errors}")
