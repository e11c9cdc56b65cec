"""The commands of the parity kit."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.parity import allowed, recording, selection
from app.parity.access_log import AccessLog
from app.parity.asking import Asking, StoppedError
from app.parity.client import NoAnswerError, Service
from app.parity.coverage import Coverage
from app.parity.credentials import Credentials
from app.parity.explain import HEADERS
from app.parity.masking import Mask
from app.parity.options import (
    MASKING,
    PACE,
    REPORTING,
    REQUESTS,
    Masking,
    Pace,
    Reporting,
    Requests,
    credentials,
    existing,
    url_argument,
    written,
)
from app.parity.outcome import Comparison, Outcome, Replay
from app.parity.recorder import Recorder
from app.parity.recording import Recording
from app.parity.report import Report
from app.parity.running import judge, stoppable, try_outputs
from app.parity.selection import Selection, shuffled
from app.parity.terminal import progress, say
from app.parity.verdict import ExitCode, Verdict
from app.webapi.routing import HttpActionDescriptor

_ALWAYS: Final = (*HEADERS, "Cache-Control", "Pragma", "Expires")
_GENTLE: Final = 10.0
"""Requests a second to a service elsewhere, which others may need, if nothing else is said."""


@click.command("record")
@click.argument("base_url", callback=url_argument)
@REQUESTS
@PACE
@MASKING
@credentials()
@click.option("--error-detail", is_flag=True, help="The service shows MessageDetail.")
@click.option(
    "--errors",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Stop when more answers than this were 5xx.",
)
@click.option(
    "--output", type=written, default="recordings.jsonl", show_default=True, help="The file."
)
@click.option("--resume", is_flag=True, help="Go on where the file ends.")
@with_appcontext
def record(
    base_url: str,
    requests: Requests,
    pace: Pace,
    masking: Masking,
    credentials: Credentials,
    error_detail: bool,
    errors: int,
    output: Path,
    resume: bool,
) -> int:
    """Ask a service and write its answers as recordings. Sends nothing but GET.

    A service that is not on this machine is asked 10 times a second unless --rate says otherwise.
    """
    service = _service(base_url, pace, credentials)
    rate = pace.rate or (None if service.is_local else _GENTLE)
    chosen = _selection(service, requests)
    mask = _mask(masking.mask_key)(masking.masked)
    with stoppable(service), Recorder(output, resume, error_detail, mask) as recorder:
        new = recorder.missing(progress(chosen, None))
        asking = Asking(pace.concurrency, rate, pace.failures)
        run = asking.run(lambda item: service.ask_whole(item[1]), new)
        try:
            with closing(run):
                for (tag, request), made in run:
                    if isinstance(made, NoAnswerError):
                        say(f"{request.target}: {made}", err=True)
                    else:
                        recorder.write(tag, request, made.answer)
                        _stop_beyond(errors, recorder)
        except StoppedError as error:
            say(str(error), err=True)
            return ExitCode.COULD_NOT_ASK
        finally:
            _say_others(chosen)
            say(f"{output}: {recorder.summary()}")
    return ExitCode.SAME if recorder.complete else ExitCode.COULD_NOT_ASK


@click.command("replay")
@click.argument("file", type=existing)
@click.argument("base_url", callback=url_argument)
@PACE
@MASKING
@REPORTING
@credentials()
@click.option("--error-detail", is_flag=True, help="The service shows MessageDetail.")
@with_appcontext
def replay(
    file: Path,
    base_url: str,
    pace: Pace,
    masking: Masking,
    reporting: Reporting,
    credentials: Credentials,
    error_detail: bool,
) -> int:
    """Ask a service what was recorded; compare the answers byte for byte."""
    service = _service(base_url, pace, credentials, own_host=reporting.own_host)
    try_outputs(reporting.outputs, [file, reporting.allow, masking.mask_key])
    compared = (*HEADERS, *reporting.more)
    mask = _mask(masking.mask_key)
    verdict = Verdict(_allowed(reporting.allow), mask(masking.masked), _coverage())
    items = progress(recording.read(file), partial(_lines, file))
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    run = asking.run(Replay(service, compared, mask), _fit(items, verdict, error_detail), _failure)
    report = Report(f"{file} against {service}", str(service), verdict)
    with stoppable(service):
        return judge(run, compared, report, reporting)


@click.command("compare")
@click.argument("legacy_url", callback=url_argument)
@click.argument("new_url", callback=url_argument)
@REQUESTS
@click.option("--recordings", type=existing, help="Ask the GETs of these recordings.")
@PACE
@MASKING
@REPORTING
@credentials("legacy")
@credentials("new")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the random order.")
@with_appcontext
def compare(
    legacy_url: str,
    new_url: str,
    requests: Requests,
    recordings: Path | None,
    pace: Pace,
    masking: Masking,
    reporting: Reporting,
    legacy_credentials: Credentials,
    new_credentials: Credentials,
    seed: int,
) -> int:
    """Ask two services the same, live, in random order. Sends nothing but GET."""
    legacy = _service(legacy_url, pace, legacy_credentials)
    new = _service(new_url, pace, new_credentials, own_host=reporting.own_host)
    try_outputs(reporting.outputs, [*requests.logs, recordings, reporting.allow, masking.mask_key])
    compared = (*_ALWAYS, *reporting.more)
    chosen = _selection(legacy, requests, recordings)
    mask = _mask(masking.mask_key)(masking.masked)
    verdict = Verdict(_allowed(reporting.allow), mask, _coverage())
    comparison = Comparison(legacy, new, compared)
    # Each turn asks the legacy service twice.
    asking = Asking(pace.concurrency, pace.rate and pace.rate / 2, pace.failures)
    turns = zip(shuffled(chosen, seed), count(), strict=False)
    run = asking.run(
        lambda turn: comparison(turn[0][1], new_first=turn[1] % 2 == 1),
        progress(turns, None),
        _failure,
    )
    report = Report(f"{legacy} against {new}", str(new), verdict)
    with stoppable(legacy, new):
        code = judge(run, compared, report, reporting)
    _say_others(chosen)
    return code


def _service(
    base_url: str, pace: Pace, opened_by: Credentials, *, own_host: bool = False
) -> Service:
    return Service(
        base_url,
        limits=pace.limits,
        headers=opened_by.headers,
        own_host=own_host,
        tls=opened_by.tls(base_url),
    )


def _stop_beyond(errors: int, recorder: Recorder) -> None:
    failed = sum(n for status, n in recorder.statuses.items() if status >= 500)
    if failed > errors:
        raise StoppedError(f"stopped: {failed} answers were 5xx, and --errors allows {errors}")


def _failure(outcome: Outcome) -> str | None:
    return outcome.failure


def _action() -> HttpActionDescriptor:
    """Return the documented action: the application's first."""
    return next(iter(_app().actions))


def _app() -> WebApi:
    return cast(WebApi, current_app._get_current_object())  # type: ignore[attr-defined]


def _coverage() -> Coverage:
    action = _action()
    return Coverage(action.parameter, tuple(_app().contracts[action].members()))


def _selection(service: Service, requests: Requests, recordings: Path | None = None) -> Selection:
    if requests.users is None and not requests.logs and recordings is None:
        raise click.UsageError("say what to ask: --users, --log or, to compare, --recordings")
    if requests.matrix and requests.users is None:
        raise click.UsageError("--matrix needs --users")
    made = Selection(
        _action(),
        service.host,
        by_matrix=requests.matrix,
        recorded=recordings,
        limit=requests.limit,
    )
    made.logs = [AccessLog(path, made.action) for path in requests.logs]
    if requests.users is not None:
        made.ids = selection.users(requests.users)
    return made


def _say_others(chosen: Selection) -> None:
    for log in chosen.logs:
        for why, number in log.others.most_common():
            say(f"{log.path}: {number:,} not taken: {why}")


def _mask(key: Path | None) -> Callable[[tuple[str, ...]], Mask]:
    if key is None:
        return Mask
    content = key.read_bytes().strip()
    if not content:
        raise click.UsageError(f"{key} is empty: it must hold the key")
    return lambda members: Mask(members, content)


def _allowed(path: Path | None) -> allowed.AllowedDifferences:
    entries = [] if path is None else allowed.read(path)
    return allowed.AllowedDifferences(entries, date.today())


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


def _fit(items: Iterator[Recording], verdict: Verdict, error_detail: bool) -> Iterator[Recording]:
    """Yield the recordings that the service can be held to, and count the others."""
    for item in items:
        why = item.unfit(error_detail)
        if why is None:
            yield item
        else:
            verdict.skipped[why] += 1
