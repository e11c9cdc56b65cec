"""The commands that compare: with recordings, and two services live."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import click
from flask.cli import with_appcontext

from app.parity import live, page, recording
from app.parity.about import About
from app.parity.arguments import Listening, Masking, Pace, Reporting, Requests
from app.parity.asking import Asking
from app.parity.client import NoAnswerError
from app.parity.coverage import Coverage
from app.parity.credentials import Credentials
from app.parity.headers import ComparedHeaders
from app.parity.interrupt import allowed_between
from app.parity.listener import Page
from app.parity.masking import Mask
from app.parity.mirrored import mirrored
from app.parity.options import (
    LISTENING,
    MASKING,
    PACE,
    REPORTING,
    REQUESTS,
    credentials,
    existing,
    url_argument,
)
from app.parity.outcome import Comparison, Outcome, Replay
from app.parity.preparing import (
    allowed_of,
    chosen_mask,
    coverage_of,
    crowd_of,
    mask_of,
    say_others,
    selection_of,
    service_of,
)
from app.parity.recording import Recording
from app.parity.report import Report
from app.parity.running import Run, judge, stoppable, try_outputs
from app.parity.selection import shuffled
from app.parity.terminal import progress
from app.parity.verdict import Demands, Verdict

_READINGS: Final = 2
"""How many requests the legacy service receives for each comparison."""


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
    """Repeat recorded requests and compare the answers byte by byte."""
    service = service_of(base_url, pace, credentials, own_host=reporting.own_host)
    try_outputs(reporting.outputs, [file, reporting.allow, masking.mask_key])
    verdict = _verdict(
        reporting, chosen_mask(masking), coverage_of(), {"service": service.troubles}
    )
    items = _fit(
        progress(
            allowed_between(recording.read(file)),
            # A pipe can be read once only.
            partial(_lines, file) if file.is_file() else None,
        ),
        verdict,
        error_detail,
    )
    repeated = shuffled(items, 0, reporting.repeat) if reporting.repeat else items
    asking = Asking(pace.concurrency, pace.rate, pace.failures)
    replaying = Replay(service, reporting.more, mask_of(masking.mask_key), crowd=crowd_of(pace))
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
@click.option("--recordings", type=existing, help="Send the GET requests of these recordings.")
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
    """Send two live services the same GETs and compare the answers."""
    legacy = service_of(legacy_url, pace, legacy_credentials)
    new = service_of(new_url, pace, new_credentials, own_host=reporting.own_host)
    try_outputs(reporting.outputs, [*requests.logs, recordings, reporting.allow, masking.mask_key])
    chosen = selection_of(legacy, requests, recordings, listening)
    coverage = coverage_of(chosen.action)
    troubles = {"legacy": legacy.troubles, "new": new.troubles}
    mask = chosen_mask(masking, chosen.action)
    verdict = _verdict(reporting, mask, coverage, troubles, slower_than)
    ask = Comparison(legacy, new, ComparedHeaders(more=reporting.more), crowd_of(pace))
    about = About(
        legacy=str(legacy),
        new=str(new),
        requests=_described(requests, recordings, listening),
        is_sample=listening.listen is not None
        or bool(requests.logs and not requests.users and recordings is None),
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
            items = progress(allowed_between(shuffled(chosen, seed, reporting.repeat)), None)
            run = asking.run(lambda item: ask(item[1]), items, _failure)
        code = judge(run, report, reporting)
    say_others(chosen)
    return code


def _verdict(
    reporting: Reporting,
    mask: Mask,
    coverage: Coverage,
    troubles: Mapping[str, Counter[str]],
    slower_than: float | None = None,
) -> Verdict:
    return Verdict(
        allowed_of(reporting.allow),
        mask,
        coverage,
        Demands(slower_than, reporting.dropped, reporting.more),
        troubles,
    )


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


def _failure(outcome: Outcome | NoAnswerError) -> str | None:
    return str(outcome) if isinstance(outcome, NoAnswerError) else outcome.failure


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
