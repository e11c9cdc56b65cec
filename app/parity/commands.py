"""The commands of the parity kit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.parity import allowed, recording, selection, terminal
from app.parity.access_log import AccessLog, LogError
from app.parity.asking import Asking, StoppedError
from app.parity.client import NoAnswerError, Service
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
    existing,
    header_option,
    url_argument,
    written,
)
from app.parity.outcome import Comparison, Outcome, Replay
from app.parity.recorder import Recorder
from app.parity.recording import Headers, Recording, RecordingError
from app.parity.report import Report, write
from app.parity.selection import Selection, SelectionError, shuffled
from app.parity.verdict import ExitCode, Verdict
from app.webapi.routing import HttpActionDescriptor

_ALWAYS = (*HEADERS, "Cache-Control", "Pragma", "Expires")
_WRONG = (SelectionError, LogError, RecordingError, allowed.AllowedError)


@contextmanager
def _usage() -> Iterator[None]:
    """End with exit code 2 for a file or range that can't be used."""
    try:
        yield
    except _WRONG as error:
        raise click.UsageError(str(error)) from None


@click.command("record")
@click.argument("base_url", callback=url_argument)
@REQUESTS
@PACE
@MASKING
@click.option(
    "--header", "headers", multiple=True, callback=header_option, help="Sent, not recorded."
)
@click.option("--error-detail", is_flag=True, help="The service shows MessageDetail.")
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
    headers: Headers,
    error_detail: bool,
    output: Path,
    resume: bool,
) -> int:
    """Ask a service and write its answers as recordings. Sends nothing but GET."""
    service = Service(base_url, limits=pace.limits, headers=headers)
    chosen = _selection(service, requests)
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    mask = _mask(masking.mask_key)(masking.masked)
    with _usage(), Recorder(output, resume, error_detail, mask) as recorder:
        new = recorder.missing(terminal.progress(chosen, None))
        try:
            for (tag, request), made in asking.run(lambda item: service.ask_whole(item[1]), new):
                if isinstance(made, NoAnswerError):
                    click.echo(f"{request.target}: {made}", err=True)
                else:
                    recorder.write(tag, request, made.answer)
        except StoppedError as error:
            click.echo(str(error), err=True)
        finally:
            _say_others(chosen)
            click.echo(f"{output}: {recorder.summary()}")
    return ExitCode.SAME if recorder.complete else ExitCode.COULD_NOT_ASK


@click.command("replay")
@click.argument("file", type=existing)
@click.argument("base_url", callback=url_argument)
@PACE
@MASKING
@REPORTING
@click.option("--header", "headers", multiple=True, callback=header_option, help="Sent with each.")
@click.option("--error-detail", is_flag=True, help="The service shows MessageDetail.")
@with_appcontext
def replay(
    file: Path,
    base_url: str,
    pace: Pace,
    masking: Masking,
    reporting: Reporting,
    headers: Headers,
    error_detail: bool,
) -> int:
    """Ask a service what was recorded; compare the answers byte for byte."""
    service = Service(base_url, limits=pace.limits, headers=headers, own_host=reporting.own_host)
    compared = (*HEADERS, *reporting.more)
    mask = _mask(masking.mask_key)
    verdict = Verdict(_allowed(reporting.allow), mask(masking.masked))
    items = terminal.progress(recording.read(file), partial(_lines, file))
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    run = asking.run(Replay(service, compared, mask), _fit(items, verdict, error_detail), _failure)
    report = Report(f"{file} against {service}", base_url, verdict)
    return _judge(run, verdict, compared, report, reporting)


@click.command("compare")
@click.argument("legacy_url", callback=url_argument)
@click.argument("new_url", callback=url_argument)
@REQUESTS
@click.option("--recordings", type=existing, help="Ask the GETs of these recordings.")
@PACE
@MASKING
@REPORTING
@click.option(
    "--legacy-header",
    multiple=True,
    callback=header_option,
    help="Sent to the legacy service only.",
)
@click.option(
    "--new-header", multiple=True, callback=header_option, help="Sent to the new one only."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random order.")
@with_appcontext
def compare(
    legacy_url: str,
    new_url: str,
    requests: Requests,
    recordings: Path | None,
    pace: Pace,
    masking: Masking,
    reporting: Reporting,
    legacy_header: Headers,
    new_header: Headers,
    seed: int,
) -> int:
    """Ask two services the same, live, in random order. Sends nothing but GET."""
    legacy = Service(legacy_url, limits=pace.limits, headers=legacy_header)
    new = Service(new_url, limits=pace.limits, headers=new_header, own_host=reporting.own_host)
    compared = (*_ALWAYS, *reporting.more)
    chosen = _selection(legacy, requests, recordings)
    verdict = Verdict(_allowed(reporting.allow), _mask(masking.mask_key)(masking.masked))
    comparison = Comparison(legacy, new, compared)
    # Each turn asks the legacy service twice.
    asking = Asking(pace.concurrency, pace.rate and pace.rate / 2, pace.failures)
    turns = zip(shuffled(chosen, seed), count(), strict=False)
    run = asking.run(
        lambda turn: comparison(turn[0][1], new_first=turn[1] % 2 == 1),
        terminal.progress(turns, None),
        _failure,
    )
    report = Report(f"{legacy} against {new}", new_url, verdict)
    code = _judge(run, verdict, compared, report, reporting)
    _say_others(chosen)
    return code


def _failure(outcome: Outcome) -> str | None:
    return outcome.failure


def _action() -> HttpActionDescriptor:
    """Return the documented action: the application's first."""
    app = cast(WebApi, current_app._get_current_object())  # type: ignore[attr-defined]
    return next(iter(app.actions))


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
    with _usage():
        if requests.users is not None:
            made.ids = selection.users(requests.users)
    return made


def _say_others(chosen: Selection) -> None:
    for log in chosen.logs:
        for why, number in log.others.most_common():
            click.echo(f"{log.path}: {number:,} not taken: {why}")


def _mask(key: Path | None) -> Callable[[tuple[str, ...]], Mask]:
    if key is None:
        return Mask
    content = key.read_bytes().strip()
    if not content:
        raise click.UsageError(f"{key} is empty: it must hold the key")
    return lambda members: Mask(members, content)


def _allowed(path: Path | None) -> allowed.AllowedDifferences:
    with _usage():
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


def _judge(
    run: Iterator[tuple[Any, Outcome | NoAnswerError]],
    verdict: Verdict,
    compared: tuple[str, ...],
    report: Report,
    reporting: Reporting,
) -> int:
    """Take all outcomes, print and write the reports, and return the exit code."""
    try:
        with _usage():
            for _, made in run:
                if isinstance(made, NoAnswerError):
                    verdict.failed[str(made)] += 1
                else:
                    verdict.take(made, compared)
    except StoppedError as error:
        verdict.stopped = str(error)
    except KeyboardInterrupt:
        verdict.stopped = "interrupted"
    terminal.show(report)
    reports: list[tuple[Path | None, Callable[[], str | bytes]]] = [
        (reporting.as_json, report.to_json),
        (reporting.junit, report.to_junit),
        (reporting.html, report.to_html),
    ]
    for path, make in reports:
        if path is not None:
            write(path, make())
    return verdict.exit_code
