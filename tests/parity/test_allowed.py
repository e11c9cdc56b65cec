"""The file of allowed differences."""

import re
from datetime import date
from pathlib import Path

import pytest

from app.parity.allowed import Allowed, AllowedDifferences, AllowedError, read
from app.parity.difference import Difference, Kind

_TODAY = date(2026, 11, 23)
_ENTRY = 'name = "n"\nreason = "r"\nexpires = 2027-01-31\nkind = "date text"\n'


def _difference(kind: Kind, where: str) -> Difference:
    return Difference(kind, where, "a", "b")


def test_a_file_is_read(tmp_path: Path) -> None:
    """Each table is an entry; where is everywhere unless it says."""
    path = tmp_path / "allowed.toml"
    other = 'where = "x_*"\n' + _ENTRY.replace('"n"', '"m"')
    path.write_text(f"[[allowed]]\n{_ENTRY}[[allowed]]\n{other}")

    first, second = read(path)

    assert first == Allowed("n", "r", date(2027, 1, 31), Kind.DATE_TEXT, "*")
    assert second.where == "x_*"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[allowed]]\nname = 1", "entry 1: name must be a text, not 1"),
        (f"[[allowed]]\n{_ENTRY.replace('2027-01-31', '1')}", "expires must be a date such as"),
        (
            f"[[allowed]]\n{_ENTRY.replace('date text', 'x')}",
            "kind must be one of status, HTTP version, ",
        ),
        (f"[[allowed]]\n{_ENTRY}more = 1", "more is unknown; known are name, reason"),
        (f'[[allowed]]\n{_ENTRY}reason2 = ""', "reason2 is unknown"),
        (f"[[allowed]]\n{_ENTRY}[[allowed]]\n{_ENTRY}", "'n' occurs twice"),
        (f'[[allowed]]\n{_ENTRY}found = "("', "found is no regular expression"),
        (f"[[allowed]]\n{_ENTRY}at_most = 0", "at_most must be a whole number above 0, not 0"),
        (f"[[allowed]]\n{_ENTRY}at_most = true", "at_most must be a whole number above 0"),
        (f"[[allowed]]\n{_ENTRY}where = 1", "where must be a text, not 1"),
        ("allowed = [1]", "entry 1: must be a table, not 1"),
        ("[other]", r"must hold \[\[allowed\]\] tables only"),
        ("what?", "is not TOML"),
        pytest.param("a = " + "[" * 100_000, "is not TOML", id="nested"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """With file, entry and what is allowed."""
    path = tmp_path / "allowed.toml"
    path.write_text(text)

    with pytest.raises(AllowedError, match=said):
        read(path)


def test_kind_and_place_are_what_is_allowed() -> None:
    """Another place or kind is left."""
    entry = Allowed("n", "r", _TODAY, Kind.DATE_TEXT, "*_date")
    left = _difference(Kind.DATE_TEXT, "price"), _difference(Kind.ESCAPE, "end_date")
    allowed = AllowedDifferences([entry], _TODAY)

    assert allowed.remaining([_difference(Kind.DATE_TEXT, "end_date"), *left]) == [*left]
    assert allowed.problems() == []


def test_the_day_after_it_has_expired() -> None:
    """Its differences count again, and it is named."""
    entry = Allowed("n", "r", date(2026, 11, 22), Kind.DATE_TEXT)
    allowed = AllowedDifferences([entry], _TODAY)
    found = [_difference(Kind.DATE_TEXT, "end_date")]

    assert allowed.remaining(found) == found
    assert allowed.problems() == ["allowed difference 'n' expired on 2026-11-22"]


def test_both_sides_can_be_patterns() -> None:
    """An entry lets pass what it describes, in JSON and XML, and nothing like it."""
    entry = Allowed(
        "n",
        "r",
        _TODAY,
        Kind.DATE_FRACTION_CUT,
        "*_date",
        re.compile(r".*\.\d{7}\+03:00"),
        re.compile(r".*\.\d{3}\+03:00"),
    )
    allowed = AllowedDifferences([entry], _TODAY)

    def cut(expected: str, found: str) -> Difference:
        return Difference(Kind.DATE_FRACTION_CUT, "end_date", expected, found)

    fits = cut("2020-01-02T03:04:05.1230000+03:00", "2020-01-02T03:04:05.123+03:00")
    quoted = cut(f'"{fits.expected}"', f'"{fits.found}"')
    others = [
        cut("2020-01-02T03:04:05.1230000+03:00", "2020-01-02T03:04:05+03:00"),
        cut("2020-01-02T03:04:05.123000+03:00", "2020-01-02T03:04:05.123+03:00"),
        Difference(Kind.DATE_FRACTION_CUT, "end_date", fits.expected, None),
    ]

    assert allowed.remaining([fits, quoted, *others]) == others
    assert allowed.occurred == {"n": 1}
    assert allowed.examples == {"n": [fits, quoted]}


def test_a_fraction_that_could_be_rounded_is_covered_by_either() -> None:
    """Cut and rounded look the same where the rest is small."""
    entry = Allowed("n", "r", _TODAY, Kind.DATE_FRACTION_ROUNDED)
    both = Difference(
        Kind.DATE_FRACTION_CUT, "end_date", "a", "b", could_be=Kind.DATE_FRACTION_ROUNDED
    )
    cut = _difference(Kind.DATE_FRACTION_CUT, "end_date")

    assert AllowedDifferences([entry], _TODAY).remaining([both, cut]) == [cut]


def test_more_than_are_allowed_fail() -> None:
    """With both numbers."""
    allowed = AllowedDifferences([Allowed("n", "r", _TODAY, Kind.NIL, at_most=2)], _TODAY)
    for _ in range(2):
        allowed.remaining([_difference(Kind.NIL, "a"), _difference(Kind.NIL, "b")])
    assert allowed.problems() == []

    allowed.remaining([_difference(Kind.NIL, "a")])

    assert allowed.problems() == ["allowed difference 'n' occurred in 3 answers, and 2 are allowed"]
