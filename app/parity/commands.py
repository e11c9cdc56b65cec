"""The commands of the parity kit."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.parity import allowed, live, page, recording, selection
from app.parity.about import About
from app.parity.asking import Asking, StoppedError
from app.parity.client import NoAnswerError, Service, Timed
from app.parity.coverage import Coverage
from app.parity.credentials import Credentials
from app.parity.crowd import Crowd
from app.parity.headers import ComparedHeaders
from app.parity.listener import Page
from app.parity.masking import Mask
from app.parity.mirrored import Traffic, mirrored
from app.parity.options import (
    LISTENING,
    MASKING,
    PACE,
    REPORTING,
    REQUESTS,
    Listening,
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
from app.parity.recording import Recording, Request
from app.parity.report import Report
from app.parity.running import Run, judge, stoppable, try_outputs
from app.parity.selection import Selection, Tagged, shuffled
from app.parity.terminal import progress, say
from app.parity.verdict import Demands, ExitCode, Verdict
from app.webapi.routing import HttpActionDescriptor

_READINGS: Final = 2
"""So often the legacy service is asked for each comparison."""
_MIRRORED: Final = "mirrored"
_Recorded = Generator[tuple[Tagged, Timed | NoAnswerError], None, None]
_GENTLE: Final = 10.0
"""Requests a second to a service elsewhere, which others may need, if nothing else is said."""


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
    listening: Listening,
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
    pace = replace(pace, rate=pace.rate or (None if service.is_local else _GENTLE))
    chosen = _selection(service, requests, listening=listening)
    mask = _mask(masking.mask_key)(masking.masked)
    with (
        stoppable(service),
        Recorder(output, resume, error_detail, mask) as recorder,
        ExitStack() as stack,
    ):
        run: _Recorded
        if listening.listen is not None:
            pages = {"/metrics": lambda: live.metrics({"answers": recorder.statuses})}
            traffic = stack.enter_context(mirrored(listening, chosen.action, pages))
            run = _recorded(traffic, recorder, service, pace, requests.limit)
        else:
            new = recorder.missing(progress(chosen, None))
            asking = Asking(pace.concurrency, pace.rate, pace.failures)
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
    mask = _mask(masking.mask_key)
    verdict = Verdict(
        _allowed(reporting.allow),
        mask(masking.masked),
        _coverage(),
        Demands(dropped=reporting.dropped),
        {"service": service.troubles},
    )
    items = _fit(progress(recording.read(file), partial(_lines, file)), verdict, error_detail)
    repeated = shuffled(items, 0, reporting.repeat) if reporting.repeat else items
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    replaying = Replay(service, reporting.more, mask, crowd=_crowd(pace))
    run = asking.run(replaying, repeated, _failure)
    about = About(legacy=str(file), new=str(service), requests=f"all of {file.name}")
    report = Report(about, str(service), verdict)
    with stoppable(service):
        return judge(run, report, reporting)


@click.command("compare")
@click.argument("legacy_url", callback=url_argument)
@click.argument("new_url", callback=url_argument)
@REQUESTS
@LISTENING
@click.option("--recordings", type=existing, help="Ask the GETs of these recordings.")
@PACE
@MASKING
@REPORTING
@credentials("legacy")
@credentials("new")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the random order.")
@click.option(
    "--slower-than",
    type=click.FloatRange(0, min_open=True),
    metavar="TIMES",
    help="Fail if the new service takes more than TIMES as long, at p50, p95 or p99.",
)
@with_appcontext
def compare(
    legacy_url: str,
    new_url: str,
    requests: Requests,
    listening: Listening,
    recordings: Path | None,
    pace: Pace,
    masking: Masking,
    reporting: Reporting,
    legacy_credentials: Credentials,
    new_credentials: Credentials,
    seed: int,
    slower_than: float | None,
) -> int:
    """Ask two services the same, live, in random order. Sends nothing but GET."""
    legacy = _service(legacy_url, pace, legacy_credentials)
    new = _service(new_url, pace, new_credentials, own_host=reporting.own_host)
    try_outputs(reporting.outputs, [*requests.logs, recordings, reporting.allow, masking.mask_key])
    chosen = _selection(legacy, requests, recordings, listening)
    verdict = Verdict(
        _allowed(reporting.allow),
        _mask(masking.mask_key)(masking.masked),
        _coverage(),
        Demands(slower_than, reporting.dropped),
        {"legacy": legacy.troubles, "new": new.troubles},
    )
    headers = ComparedHeaders(more=reporting.more)
    ask = Comparison(legacy, new, headers, _crowd(pace))
    about = About(
        legacy=str(legacy),
        new=str(new),
        requests=_described(requests, recordings, listening),
        is_sample=listening.listen is not None or bool(requests.logs and not requests.users),
        seed=None if listening.listen is not None else seed,
    )
    report = Report(about, str(new), verdict)
    with stoppable(legacy, new), ExitStack() as stack:
        run: Run
        if listening.listen is not None:
            traffic = stack.enter_context(mirrored(listening, chosen.action, _pages(report)))
            verdict.skipped = traffic.skipped
            run = traffic.run(ask, pace, requests.limit, readings=_READINGS)
        else:
            asking = Asking(pace.concurrency, pace.rate and pace.rate / _READINGS, pace.failures)
            items = progress(shuffled(chosen, seed, reporting.repeat), None)
            run = asking.run(lambda item: ask(item[1]), items, _failure)
        code = judge(run, report, reporting)
    _say_others(chosen)
    return code


def _described(requests: Requests, recordings: Path | None, listening: Listening) -> str:
    """Say how the requests of a comparison are chosen."""
    if listening.listen is not None:
        share = "all" if listening.sample == 1 else f"{listening.sample:.2%} at random"
        return f"mirrored live traffic, {share}"
    ways = "by the matrix" if requests.matrix else "in both formats"
    parts = [f"users {requests.users} {ways}"] if requests.users else []
    parts += [f"the log {path.name}" for path in requests.logs]
    parts += [f"the recordings {recordings.name}"] if recordings else []
    limit = [f"{requests.limit:,} at most"] if requests.limit else []
    return ", ".join([*parts, *limit])


def _pages(report: Report) -> Mapping[str, Callable[[], Page]]:
    """Return what can be looked at while a run goes on."""
    verdict = report.verdict

    def counts() -> Page:
        findings = Counter({item.name: item.answers for item in verdict.findings})
        results = Counter({result.value: n for result, n in verdict.counts.items()})
        return live.metrics(
            {
                "answers": results,
                "findings": findings,
                "skipped": verdict.skipped,
                "unanswered": verdict.failed,
            }
        )

    return {
        "/": lambda: ("text/html; charset=utf-8", page.html(report).encode()),
        "/metrics": counts,
    }


def _recorded(
    traffic: Traffic, recorder: Recorder, service: Service, pace: Pace, limit: int | None
) -> _Recorded:
    """Yield the mirrored requests that are not recorded yet, each with its answer."""

    def is_new(request: Request) -> bool:
        return next(recorder.missing([(_MIRRORED, request)]), None) is not None

    run = traffic.run(service.ask_whole, pace, limit, readings=1, wanted=is_new)
    with closing(run):
        for request, made in run:
            yield (_MIRRORED, request), made


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


def _crowd(pace: Pace) -> Crowd | None:
    """Return who asks, if that is more than one."""
    return Crowd() if pace.concurrency > 1 else None


def _failure(outcome: Outcome | NoAnswerError) -> str | None:
    return str(outcome) if isinstance(outcome, NoAnswerError) else outcome.failure


def _action() -> HttpActionDescriptor:
    """Return the documented action: the application's first."""
    return next(iter(_app().actions))


def _app() -> WebApi:
    return cast(WebApi, current_app._get_current_object())  # type: ignore[attr-defined]


def _coverage() -> Coverage:
    action = _action()
    return Coverage(action.parameter, tuple(_app().contracts[action].members()))


def _selection(
    service: Service,
    requests: Requests,
    recordings: Path | None = None,
    listening: Listening | None = None,
) -> Selection:
    listens = listening is not None and listening.listen is not None
    named = requests.users is not None or bool(requests.logs) or recordings is not None
    if listens and named:
        raise click.UsageError("--listen asks what is mirrored: name no users, logs or recordings")
    if not listens and not named:
        raise click.UsageError(
            "say what to ask: --users, --log, --listen or, to compare, --recordings"
        )
    if requests.matrix and requests.users is None:
        raise click.UsageError("--matrix needs --users")
    made = Selection(
        _action(),
        service.host,
        by_matrix=requests.matrix,
        recorded=recordings,
        limit=requests.limit,
    )
    made.logs = requests.access_logs(made.action)
    if requests.users is not None:
        made.ids = selection.users(requests.users)
    return made


def _say_others(chosen: Selection) -> None:
    for log in chosen.logs:
        if log.in_both:
            say(
                f"{log.path}: names no Accept: {log.in_both:,} requests were asked for both JSON "
                "and XML"
            )
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
