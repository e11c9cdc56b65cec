"""Each kind of difference, seeded in a real service one at a time, is caught and rightly named."""

import itertools
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import pytest

from app.host.application import WebApi
from app.parity.allowed import AllowedDifferences
from app.parity.asking import Asking
from app.parity.client import NoAnswerError, Service
from app.parity.difference import Kind
from app.parity.explain import explain
from app.parity.masking import Mask
from app.parity.outcome import Comparison, Replay
from app.parity.recording import Recording, read
from app.parity.verdict import ExitCode, Verdict
from tests import truth
from tests.parity.mutants import MUTANTS
from tests.parity.services import Change, Changed, coverage, serving

_RECORDED = truth.RECORDINGS / "recordings.jsonl"


@cache
def _recorded() -> list[Recording]:
    """Return few recordings in which every mutant shows, that a service in order can be held to."""
    fit = [item for item in read(_RECORDED) if item.unfit(error_detail=False) is None]
    few = fit[::48]
    for change, kinds in MUTANTS.values():
        shown = {kind for item in few for kind in _kinds(item, change)}
        for item in fit:
            if shown >= kinds:
                break
            added = _kinds(item, change) & kinds
            if not added <= shown:
                few.append(item)
                shown |= added
    return few


def _kinds(item: Recording, change: Change) -> set[Kind]:
    return {found.kind for found in explain(item.answer, change(item.answer))}


def _verdict() -> Verdict:
    return Verdict(AllowedDifferences([], date.today()), Mask(()), coverage())


def _replayed(url: str) -> Verdict:
    verdict = _verdict()
    replay = Replay(Service(url), again=1)
    for _, outcome in Asking(4, None, 1).run(replay, _recorded()):
        assert not isinstance(outcome, NoAnswerError)
        verdict.take(outcome)
    return verdict


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_named(make_app: Callable[..., WebApi], name: str) -> None:
    """The findings have the mutant's kinds and no other."""
    change, kinds = MUTANTS[name]

    with serving(Changed(make_app(log_requests=False), change)) as url:
        verdict = _replayed(url)

    assert {finding.kind for finding in verdict.findings} == kinds
    assert not any(finding.flaky for finding in verdict.findings)
    assert verdict.exit_code is ExitCode.DIFFERENT


def test_an_identical_service_gives_no_finding(make_app: Callable[..., WebApi]) -> None:
    """Every answer is the same."""
    with serving(make_app(log_requests=False)) as url:
        verdict = _replayed(url)

    assert verdict.findings == []
    assert verdict.compared == len(_recorded())
    assert verdict.exit_code is ExitCode.SAME


def _now_and_then(make_app: Callable[..., WebApi]) -> Changed:
    """Make a service that loses its last byte every other time."""
    turns: Iterator[bool] = itertools.cycle((True, False))
    change = MUTANTS["the last byte lost"][0]
    return Changed(
        make_app(log_requests=False), lambda answer: change(answer) if next(turns) else answer
    )


def test_a_flaky_service_is_called_flaky(make_app: Callable[..., WebApi]) -> None:
    """What differs when the request is repeated is no steady difference."""
    verdict = _verdict()
    with serving(_now_and_then(make_app)) as url:
        replay = Replay(Service(url))
        for item in _recorded()[:40]:
            verdict.take(replay(item))

    assert verdict.findings
    assert all(finding.flaky == finding.answers for finding in verdict.findings)
    assert verdict.exit_code is ExitCode.DIFFERENT


def test_a_flaky_service_is_called_flaky_when_compared(make_app: Callable[..., WebApi]) -> None:
    """The same live, beside a steady legacy service."""
    verdict = _verdict()
    with serving(make_app(log_requests=False)) as legacy, serving(_now_and_then(make_app)) as new:
        comparison = Comparison(Service(legacy), Service(new))
        for item in _recorded()[:40]:
            verdict.take(comparison(item.request))

    assert verdict.findings
    assert all(finding.flaky == finding.answers for finding in verdict.findings)


@pytest.mark.parametrize(
    "name", ["another price", "last member first", "no Allow", "no utf-16 mark"]
)
def test_a_mutant_is_named_when_compared(make_app: Callable[..., WebApi], name: str) -> None:
    """Live, beside the service that it is a mutant of."""
    change, kinds = MUTANTS[name]
    verdict = _verdict()
    with (
        serving(make_app(log_requests=False)) as legacy,
        serving(Changed(make_app(log_requests=False), change)) as new,
    ):
        comparison = Comparison(Service(legacy), Service(new))
        for item in _recorded():
            verdict.take(comparison(item.request))

    assert {finding.kind for finding in verdict.findings} == kinds
    assert not any(finding.flaky for finding in verdict.findings)


def test_every_kind_of_text_is_seeded() -> None:
    """What is not here is a connection's, a fault's, or depends on earlier requests."""
    seeded = {kind for _, kinds in MUTANTS.values() for kind in kinds}

    assert set(Kind) - seeded == {
        Kind.HTTP_VERSION,
        Kind.CLOSING,
        Kind.FRAMING,
        Kind.BODY,
        Kind.ANOTHER_PROCESS,
        Kind.ANOTHER_USER,
        Kind.STALE,
        Kind.BROKEN_ANSWER,
    }
