"""What fails a run beside findings, and what is kept of an answer."""

import gzip
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from app.parity.allowed import Allowed, AllowedDifferences
from app.parity.client import DROPPED, UNASKED, Service
from app.parity.coverage import Coverage
from app.parity.difference import Difference, Kind
from app.parity.explain import explain
from app.parity.headers import ComparedHeaders
from app.parity.masking import Mask
from app.parity.outcome import Comparison, Outcome, Result, result_of
from app.parity.recording import Answer, Request
from app.parity.verdict import Demands, ExitCode, Verdict
from tests.parity.hostile import sends, talking, whole

_TODAY = date(2026, 11, 25)
_GET = Request("GET", "/ChargeProcess/Status?user_id=1", (("Host", "a"),))


_NONE = Demands()


def _verdict(demands: Demands = _NONE, *allowed: Allowed, mask: tuple[str, ...] = ()) -> Verdict:
    coverage = Coverage("user_id", ("process_id", "name", "price"))
    return Verdict(AllowedDifferences(list(allowed), _TODAY), Mask(mask), coverage, demands)


def _answer(body: bytes) -> Answer:
    return Answer(200, (("Content-Type", "application/json; charset=utf-8"),), body)


def _outcome(expected: bytes, found: bytes, user: int = 1, flaky: bool = False) -> Outcome:
    old, new = _answer(expected), _answer(found)
    different = explain(old, new)
    steady, flakes = ([], different) if flaky else (different, [])
    request = Request("GET", f"/ChargeProcess/Status?user_id={user}", ())
    result = result_of(steady, flakes, moved=False)
    seconds = {"legacy": [0.010], "new": [0.030]}
    return Outcome(request, result, old, new, steady, flakes, seconds, [], ComparedHeaders())


_SAME = b'{"process_id":1,"name":"a","price":1.0}'


@pytest.mark.parametrize(
    ("most", "code"), [(0, ExitCode.DIFFERENT), (2, ExitCode.DIFFERENT), (3, ExitCode.SAME)]
)
def test_dropped_connections_fail_a_run_beyond_their_budget(most: int, code: ExitCode) -> None:
    """The new service's; the legacy one's are only reported."""
    verdict = _verdict(Demands(dropped=most))
    verdict.troubles = {"legacy": Counter({DROPPED: 9}), "new": Counter({DROPPED: 3})}
    verdict.take(_outcome(_SAME, _SAME))

    assert verdict.exit_code is code
    assert verdict.problems == ([] if most == 3 else [f"3 {DROPPED}"])


def test_bytes_that_nobody_asked_for_fail_a_run() -> None:
    """A client would read them as the next answer."""
    verdict = _verdict()
    verdict.troubles = {"service": Counter({UNASKED: 1})}
    verdict.take(_outcome(_SAME, _SAME))

    assert verdict.problems == [f"1 {UNASKED}"]


def test_a_connection_that_is_dropped_is_a_trouble_of_the_run() -> None:
    """Though the request was answered when it was sent again."""
    turns: list[bool] = []

    def talk(client: object) -> None:
        turns.append(True)
        if len(turns) == 1:
            raise EOFError
        sends(whole(_SAME))(client)  # type: ignore[arg-type]

    verdict = _verdict()
    with (
        talking(sends(whole(_SAME))) as old_url,
        talking(talk) as new_url,
        Service(old_url) as old,
        Service(new_url) as new,
    ):
        verdict.troubles = {"legacy": old.troubles, "new": new.troubles}
        verdict.take(Comparison(old, new)(_GET))

    assert verdict.counts == {Result.SAME: 1}
    assert verdict.problems == [f"1 {DROPPED}"]
    assert verdict.exit_code is ExitCode.DIFFERENT


@pytest.mark.parametrize(
    ("answers", "most", "said"),
    [
        (10, 2.0, "slower: p50 is 30.0 ms against 10.0 ms, 3.00 times as long"),
        (9, 2.0, "too few answers to say how long they take (--slower-than)"),
        (10, 4.0, None),
    ],
)
def test_time_is_a_verdict_where_it_is_asked_for(
    answers: int, most: float, said: str | None
) -> None:
    """And where there are too few answers, that is said."""
    verdict = _verdict(Demands(slower_than=most))
    for _ in range(answers):
        verdict.take(_outcome(_SAME, _SAME))

    assert verdict.problems == ([] if said is None else [said])
    assert verdict.exit_code is (ExitCode.SAME if said is None else ExitCode.DIFFERENT)


@pytest.mark.parametrize(("failed", "moved", "fails"), [(2, 1, True), (2, 0, False)])
def test_a_run_that_compared_fewer_than_half_proves_too_little(
    failed: int, moved: int, fails: bool
) -> None:
    """Where the legacy service failed or its values moved, nothing is known of the new one."""
    verdict = _verdict()
    same = _outcome(_SAME, _SAME)
    error = replace(_answer(b"{}"), status=500)
    for outcome in (
        *[same] * 2,
        *[replace(same, expected=error, found=error)] * failed,
        *[replace(same, result=Result.MOVED)] * moved,
    ):
        verdict.take(outcome)

    said = "too little was compared: 2 answers of 5; the legacy service failed for 2, and 1 moved"
    assert verdict.problems == ([said] if fails else [])
    assert verdict.exit_code is (ExitCode.DIFFERENT if fails else ExitCode.SAME)


def test_what_is_allowed_leaves_the_rest() -> None:
    """A flaky rest is flaky."""
    entry = Allowed("n", "r", _TODAY, Kind.NUMBER_SCALE)
    verdict = _verdict(_NONE, entry)
    verdict.take(_outcome(_SAME, _SAME.replace(b"1.0", b"1.00")))
    verdict.take(_outcome(_SAME, _SAME.replace(b"1.0", b"1.00"), flaky=True))
    verdict.take(_outcome(_SAME, _SAME.replace(b'"a"', b'"b"').replace(b"1.0", b"1"), flaky=True))

    assert verdict.only_allowed == 2
    assert verdict.counts == {Result.FLAKY: 1}
    assert [finding.name for finding in verdict.findings] == ["flaky: other value"]


def test_nothing_of_a_masked_member_is_kept() -> None:
    """Neither in findings, nor in examples of what is allowed, nor of another user's answer."""
    entry = Allowed("n", "r", _TODAY, Kind.OTHER_VALUE, "name", at_most=1)
    verdict = _verdict(_NONE, entry, mask=("name", "price"))
    other = b'{"process_id":2,"name":"Secret","price":77.5}'
    verdict.take(_outcome(_SAME, _SAME.replace(b'"a"', b'"Secret"')))
    verdict.take(_outcome(_SAME, other, user=2))
    verdict.take(_outcome(_SAME, _SAME.replace(b"1.0", b"77.5"), user=3))

    kept = [example.difference for found in verdict.findings for example in found.examples]
    kept += [item for items in verdict.allowed.examples.values() for item in items]
    assert {item.kind for item in kept} == {Kind.ANOTHER_PROCESS, Kind.OTHER_VALUE}
    assert not any("Secret" in str(item) or "77.5" in str(item) for item in kept)


def test_a_result_is_named_by_what_weighs_most() -> None:
    """Steady before flaky before moved."""
    item = Difference(Kind.NIL, "a", None, None)

    assert result_of([item], [item], True) is Result.DIFFERENT
    assert result_of([], [item], True) is Result.FLAKY
    assert result_of([], [], True) is Result.MOVED
    assert result_of([], [], False) is Result.SAME


def test_names_that_go_on_and_on_are_kept_cut_and_counted() -> None:
    """Of the legacy service's noise, of what is allowed, and of what got no answer."""
    verdict = _verdict(_NONE, Allowed("n", "r", _TODAY, Kind.EXTRA_MEMBER))
    longer = _SAME.replace(b"}", b',"%s":1}' % (b"x" * 100_000))
    moves = Difference(Kind.OTHER_VALUE, "", "1", "2")
    for number in range(1_100):
        noise = [replace(moves, where=f"{number}{'x' * 1_000}")]
        verdict.take(replace(_outcome(_SAME, _SAME), noise=noise))
        verdict.fail(f"{number} of {'x' * 1_000}")
    verdict.take(_outcome(_SAME, longer))

    (allowed,) = verdict.allowed.examples["n"]
    assert (verdict.noise.total(), len(verdict.noise)) == (1_100, 1_001)
    assert (verdict.failed.total(), len(verdict.failed)) == (1_100, 101)
    texts = [allowed.where, *verdict.failed, *(place for _, place in verdict.noise)]
    assert max(map(len, texts)) == 200


@pytest.mark.parametrize(
    "value",
    ["1e999999999", "-1E999999999", '"sNaN"', '"NaN"', "1" * 5000, '"\\ud800"', "[1]", "{}"],
)
def test_an_absurd_value_ends_no_run(value: str) -> None:
    """It is another value, on either side."""
    absurd = _SAME.replace(b"1.0", value.encode())
    verdict = _verdict()
    verdict.take(_outcome(_SAME, absurd))
    verdict.take(_outcome(absurd, _SAME, user=2))

    assert verdict.counts == {Result.DIFFERENT: 2}
    assert verdict.exit_code is ExitCode.DIFFERENT


def test_what_gzip_holds_is_covered() -> None:
    """Users, members and another user's answer are known behind Content-Encoding."""
    verdict = _verdict()

    def packed(answer: Answer) -> Answer:
        headers = (*answer.headers, ("Content-Encoding", "gzip"))
        return replace(answer, headers=headers, body=gzip.compress(answer.body))

    bodies = [_SAME.replace(b'"a"', b'"%d"' % user) for user in range(3)]
    for user, found in ((1, 1), (2, 1)):
        outcome = _outcome(bodies[user], bodies[found], user)
        verdict.take(
            replace(outcome, expected=packed(outcome.expected), found=packed(outcome.found))
        )

    assert verdict.problems == []
    assert verdict.coverage.users_with_process.count == 2
    assert verdict.coverage.members["json"]["name"].distinct.count == 2
    assert [finding.name for finding in verdict.findings] == ["another user's answer"]
