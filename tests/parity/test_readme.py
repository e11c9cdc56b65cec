"""The kit's README says what is so."""

import re
from datetime import date
from pathlib import Path

from app.parity import allowed
from app.parity.commands import compare, replay
from app.parity.difference import Difference, Kind
from app.parity.finding import When
from app.parity.headers import NOT_COMPARED
from app.parity.record_command import record
from app.parity.verdict import ExitCode

_README = (Path(allowed.__file__).parent / "README.md").read_text(encoding="utf-8")

_COMMANDS = (record, replay, compare)
_PREFIXED = {"--legacy", "--new"}
"""The prefixes of options for one side."""


def _section(title: str) -> str:
    return _README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _cells(title: str) -> list[list[str]]:
    """Return the rows of a section's tables, without the marks of code in their first cells."""
    rows = re.findall(r"^\| (`[^|]*`|\d) \|(.*)\|$", _section(title), re.MULTILINE)
    return [[first.strip("`"), *map(str.strip, rest.split("|"))] for first, rest in rows]


def test_every_kind_is_listed_with_its_version() -> None:
    """In the code's order; then when a finding was seen."""
    rows = _cells("Kinds of difference")
    times = [time for time in When if time is not When.ALWAYS]

    assert [row[0].removesuffix(": ") for row in rows] == [*Kind, *times]
    assert {row[2] for row in rows} == {"1.0.0", "1.1.0"}
    assert all(row[1] for row in rows)


def test_the_headers_that_are_not_compared_are_listed() -> None:
    """All of them, and no other."""
    listed = _section("What is compared").partition("added by\n  IIS:")[2].partition(". ")[0]

    assert tuple(re.findall(r"`([^`]+)`", listed)) == NOT_COMPARED


def test_the_exit_codes_are_listed() -> None:
    """Each with what it means."""
    assert [int(row[0]) for row in _cells("The verdict")] == [*ExitCode]


def test_the_example_of_allowed_differences_is_read(tmp_path: Path) -> None:
    """And lets pass what its reasons say, and nothing like it."""
    (example,) = re.findall(r"```toml\n(.*?)```", _README, re.S)
    path = tmp_path / "allowed.toml"
    path.write_text(example, encoding="utf-8")
    dates, pragma = allowed.read(path)
    made = allowed.AllowedDifferences([dates, pragma], date(2026, 11, 25))

    cut, full = "2020-01-02T03:04:05.384+03:00", "2020-01-02T03:04:05.3847942+03:00"
    passes = [
        Difference(Kind.DATE_FRACTION_CUT, "end_date", f'"{full}"', f'"{cut}"'),
        Difference(Kind.HEADER, "Pragma", "no-cache", None),
    ]
    stays = [
        Difference(Kind.DATE_ZONE_LEFT_OUT, "end_date", cut, cut[:-6]),
        Difference(Kind.DATE_FRACTION_CUT, "end_date", full, "2020-01-02T03:04:05+03:00"),
        Difference(Kind.HEADER, "Expires", "-1", None),
    ]
    assert made.remaining([*passes, *stays]) == stays
    assert pragma.at_most == 5000
    rows = re.findall(r"^\| (`[^|]*) \|", _section("Differences that are allowed"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == [*allowed.KEYS]


def test_every_option_that_is_named_is_there() -> None:
    """On one of the kit's commands; those of pytest have tests of their own."""
    known = {name for command in _COMMANDS for option in command.params for name in option.opts}

    named = set(re.findall(r"`(--(?!contract)[a-z][a-z-]+\w)", _README))

    assert len(named) > 20
    assert named <= known | _PREFIXED
