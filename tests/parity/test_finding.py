"""Differences are gathered by their cause."""

import pytest

from app.parity.difference import Difference, Kind
from app.parity.finding import OTHERS, Findings, When
from app.parity.outcome import Alone
from app.parity.recording import Request

_REQUEST = Request("GET", "/")


def _take(
    made: Findings,
    times: int,
    kind: Kind,
    *places: str,
    when: When = When.ALWAYS,
    alone: Alone | None = None,
) -> None:
    items = [Difference(kind, place, "1", None) for place in places]
    for _ in range(times):
        made.take(_REQUEST, items, when, alone)


def _found(made: Findings) -> dict[str, int]:
    return {f"{found.name} {found.cause}".strip(): found.answers for found in made.gathered()}


def test_nulls_left_out_are_one_finding() -> None:
    """However many members."""
    made = Findings()
    _take(made, 3, Kind.NULL_LEFT_OUT, "a", "b", "c")

    (finding,) = made.gathered()
    assert finding.name == "null left out"
    assert (finding.answers, dict(finding.places)) == (3, {"a": 3, "b": 3, "c": 3})


def test_a_member_that_is_always_missing_is_missing_where_it_is_null() -> None:
    """And is no null left out."""
    made = Findings()
    _take(made, 5, Kind.MISSING_MEMBER, "a")
    _take(made, 2, Kind.NULL_LEFT_OUT, "a")
    assert _found(made) == {"missing member a": 7}

    _take(made, 3, Kind.NULL_LEFT_OUT, "b")
    assert _found(made) == {"missing member a": 7, "null left out": 3}
    assert _found(made) == {"missing member a": 7, "null left out": 3}


def test_fractions_that_look_cut_are_rounded_where_others_are() -> None:
    """In the same member."""
    made = Findings()
    _take(made, 5, Kind.DATE_FRACTION_CUT, "end_date")
    _take(made, 4, Kind.DATE_FRACTION_ROUNDED, "end_date")
    _take(made, 3, Kind.DATE_FRACTION_CUT, "start_date")

    assert _found(made) == {"date fraction rounded": 9, "date fraction cut": 3}


def test_an_answer_counts_once_in_however_many_places() -> None:
    """Also where what looks cut in it is rounded."""
    made = Findings()
    cut, rounded = Kind.DATE_FRACTION_CUT, Kind.DATE_FRACTION_ROUNDED
    for kinds in ((cut, cut), (cut, rounded), (rounded, cut), (rounded, rounded)):
        pairs = zip(kinds, ("start_date", "end_date"), strict=True)
        items = [Difference(kind, where, "1", "2") for kind, where in pairs]
        made.take(_REQUEST, items, When.ALWAYS, None)

    (finding,) = made.gathered()
    assert (finding.name, finding.answers) == ("date fraction rounded", 4)
    assert finding.places == {"start_date": 4, "end_date": 4}


def test_an_answer_that_is_flaky_in_one_place_of_two_counts_once() -> None:
    """It is not counted for each."""
    made = Findings()
    steady, flaky = (Difference(Kind.NIL, where, "1", None) for where in ("a", "b"))
    for _ in range(3):
        made.take(_REQUEST, [steady], When.ALWAYS, None)
        made.take(_REQUEST, [flaky], When.FLAKY, None, [steady])

    assert _found(made) == {"flaky: nil": 3}


def test_an_answer_that_keeps_a_place_is_counted_there() -> None:
    """Beside those that another finding has."""
    made = Findings()
    _take(made, 1, Kind.DATE_FRACTION_ROUNDED, "end_date")
    _take(made, 2, Kind.DATE_FRACTION_CUT, "end_date", "start_date")
    _take(made, 4, Kind.DATE_FRACTION_CUT, "start_date")

    assert _found(made) == {"date fraction cut": 6, "date fraction rounded": 3}


@pytest.mark.parametrize(
    ("steady", "flaky", "expected"),
    [
        (928, 1, {"nil": 928, "flaky: nil": 1}),
        (30, 70, {"flaky: nil": 100}),
        (0, 1, {"flaky: nil": 1}),
        (5, 0, {"nil": 5}),
    ],
)
def test_what_comes_and_goes_is_flaky(steady: int, flaky: int, expected: dict[str, int]) -> None:
    """Also where it looks steady by chance; one slip makes no steady difference flaky."""
    made = Findings()
    _take(made, steady, Kind.NIL, "a")
    _take(made, flaky, Kind.NIL, "a", when=When.FLAKY)

    assert _found(made) == expected


@pytest.mark.parametrize(
    ("alone", "expected"),
    [
        (Alone(3, 0, 1), "nil, only when many are asked at once"),
        (Alone(3, 0, 0), "nil"),
        (Alone(3, 1, 0), "nil"),
        (None, "nil"),
    ],
)
def test_what_is_right_alone_depends_on_others(alone: Alone | None, expected: str) -> None:
    """Only where no answer was wrong alone, and one was wrong among others afterwards."""
    made = Findings()
    _take(made, 4, Kind.NIL, "a", alone=alone)

    assert _found(made) == {expected: 4}


def test_a_few_right_answers_alone_prove_nothing_of_what_is_rare() -> None:
    """With one in ten wrong, three right ones are chance; a hundred are not."""
    made = Findings()
    _take(made, 9, Kind.NIL, "a", when=When.FLAKY, alone=Alone(1, 0, 1))
    _take(made, 1, Kind.NIL, "a", alone=Alone(1, 0, 1))
    assert _found(made) == {"flaky: nil": 10}

    _take(made, 1, Kind.NIL, "a", alone=Alone(100, 0, 1))
    assert _found(made) == {"nil, only when many are asked at once": 11}


def test_what_differs_at_once_and_again_differs_always() -> None:
    """Only what never differs in a first request is named so."""
    made = Findings()
    _take(made, 2, Kind.NIL, "a", when=When.AGAIN)
    assert _found(made) == {"nil, only when asked again": 2}

    _take(made, 2, Kind.NIL, "a")
    assert _found(made) == {"nil": 4}


def _extra(*places: str, kind: Kind = Kind.EXTRA_MEMBER) -> Findings:
    found = Findings()
    for place in places:
        item = Difference(kind, place, None, "1")
        found.take(_REQUEST, [item], When.ALWAYS, None)
    return found


def test_many_places_are_one_finding() -> None:
    """Beyond two thousand; how many answers have it is still counted."""
    findings = _extra(*map(str, range(3_000))).gathered()

    assert len(findings) == 2_001
    assert (findings[0].cause, findings[0].answers) == (OTHERS, 1_000)


def test_a_finding_names_a_thousand_places() -> None:
    """Places in those are still counted."""
    (finding,) = _extra(*map(str, range(2_000)), "5", kind=Kind.ESCAPE).gathered()

    assert finding.answers == 2_001
    assert len(finding.places) == 1_000
    assert finding.places["5"] == 2


def test_an_example_does_not_go_on_and_on() -> None:
    """A report shows its start."""
    found = Findings()
    item = Difference(Kind.OTHER_VALUE, "a", "1", "x" * 1_000_000)
    found.take(_REQUEST, [item], When.ALWAYS, None)

    (finding,) = found.gathered()
    assert finding.examples[0].difference == Difference(Kind.OTHER_VALUE, "a", "1", "x" * 10_000)


@pytest.mark.parametrize("kind", [Kind.EXTRA_MEMBER, Kind.MEDIA_TYPE, Kind.ESCAPE])
def test_a_name_does_not_go_on_and_on(kind: Kind) -> None:
    """Neither as a cause, nor as a place, nor in an example; a hostile service sends many."""
    found = Findings()
    name = "n" * 900_000
    found.take(_REQUEST, [Difference(kind, name, name, name)], When.ALWAYS, None)

    (finding,) = found.gathered()
    assert max(map(len, finding.places)) == 200
    assert len(finding.cause) <= 403
    assert len(finding.examples[0].difference.where) == 200
