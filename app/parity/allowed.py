"""Differences that are allowed, each with a name, a reason and a date to expire."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from app.parity.difference import Difference, Kind
from app.parity.errors import InputError

_EXAMPLES: Final = 3


class AllowedError(InputError):
    """The file of allowed differences can't be used; the message names entry and reason."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """An allowed difference.

    Attributes:
        name, reason, expires: what a reader of the report needs to know.
        kind: the kind of difference.
        where: where it may occur, as a pattern with ``*``.
        expected, found: what the two sides may have there, as regular expressions for the whole
            text; ``None`` for anything.
        at_most: in how many answers it may occur, ``None`` for any number.
    """

    name: str
    reason: str
    expires: date
    kind: Kind
    where: str = "*"
    expected: re.Pattern[str] | None = None
    found: re.Pattern[str] | None = None
    at_most: int | None = None

    def covers(self, difference: Difference) -> bool:
        """Whether it allows a difference."""
        return (
            self.kind in (difference.kind, difference.could_be)
            and fnmatchcase(difference.where, self.where)
            and _fits(self.expected, difference.expected)
            and _fits(self.found, difference.found)
        )


class AllowedDifferences:
    """Those of a file, how often each occurred, and the first few examples."""

    def __init__(self, entries: list[Allowed], today: date) -> None:
        self.entries = entries
        self.today = today
        self.occurred: Counter[str] = Counter()
        self.examples: dict[str, list[Difference]] = {}

    def remaining(
        self,
        differences: list[Difference],
        shown: Callable[[Difference], Difference] = lambda item: item,
    ) -> list[Difference]:
        """Return the differences that none in force covers, and count those that one does.

        ``shown`` makes an example of a difference, without what must not be written.
        """
        left = []
        names = set()
        for item in differences:
            covering = next((entry.name for entry in self._in_force() if entry.covers(item)), None)
            if covering is None:
                left.append(item)
            else:
                names.add(covering)
                examples = self.examples.setdefault(covering, [])
                if len(examples) < _EXAMPLES:
                    examples.append(shown(item))
        self.occurred.update(names)
        return left

    def problems(self) -> list[str]:
        """Say which have expired, no longer occur, or occur too often."""
        return [problem for entry in self.entries if (problem := self._problem(entry))]

    def _problem(self, entry: Allowed) -> str | None:
        count = self.occurred[entry.name]
        if entry.expires < self.today:
            return f"allowed difference {entry.name!r} expired on {entry.expires}"
        if not count:
            return f"allowed difference {entry.name!r} no longer occurs: remove it"
        if entry.at_most is not None and count > entry.at_most:
            return (
                f"allowed difference {entry.name!r} occurred in {count:,} answers, and"
                f" {entry.at_most:,} are allowed"
            )
        return None

    def _in_force(self) -> list[Allowed]:
        return [entry for entry in self.entries if entry.expires >= self.today]


def _fits(pattern: re.Pattern[str] | None, text: str | None) -> bool:
    """Whether a pattern fits a text; JSON's quotes are no part of it."""
    if pattern is None:
        return True
    return text is not None and pattern.fullmatch(_unquoted(text)) is not None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def read(path: Path) -> list[Allowed]:
    """Read a TOML file of ``[[allowed]]`` tables. Raises AllowedError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AllowedError(f"{path}: is not TOML: {error}") from None
    if set(tables) - {"allowed"} or not isinstance(tables.get("allowed", []), list):
        raise AllowedError(f"{path}: must hold [[allowed]] tables only")
    entries = [_entry(table, f"{path}: entry {at}") for at, table in _numbered(tables)]
    twice = [name for name, count in Counter(entry.name for entry in entries).items() if count > 1]
    if twice:
        raise AllowedError(f"{path}: {twice[0]!r} occurs twice")
    return entries


def _numbered(tables: dict[str, Any]) -> list[tuple[int, Any]]:
    return list(enumerate(tables.get("allowed", []), 1))


def _entry(table: Any, where: str) -> Allowed:
    if not isinstance(table, dict):
        raise AllowedError(f"{where}: must be a table, not {table!r}")
    for name, (kind, said) in _NEEDED.items():
        if not _is_a(kind, table.get(name)):
            raise AllowedError(f"{where}: {name} must be {said}, not {table.get(name)!r}")
    for name, value in table.items():
        if name not in KEYS:
            raise AllowedError(f"{where}: {name} is unknown; known are {', '.join(KEYS)}")
        kind, said = KEYS[name]
        if not _is_a(kind, value):
            raise AllowedError(f"{where}: {name} must be {said}, not {value!r}")
    if table["kind"] not in list(Kind):
        raise AllowedError(f"{where}: kind must be one of {', '.join(Kind)}, not {table['kind']!r}")
    patterns = {name: _pattern(table.get(name), f"{where}: {name}") for name in _PATTERNS}
    return Allowed(**{**table, **patterns, "kind": Kind(table["kind"])})


def _is_a(kind: type, value: object) -> bool:
    """Whether a value is of a type, and says something."""
    return type(value) is kind and (
        value > 0 if isinstance(value, int) else bool(str(value).strip())
    )


def _pattern(text: str | None, where: str) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise AllowedError(f"{where} is no regular expression: {error}") from None


_NEEDED: Final[dict[str, tuple[type, str]]] = {
    "name": (str, "a text"),
    "reason": (str, "a text"),
    "expires": (date, "a date such as 2027-01-31"),
    "kind": (str, "a text"),
}
_PATTERNS: Final = ("expected", "found")
_OPTIONAL: Final[dict[str, tuple[type, str]]] = {
    "where": (str, "a text"),
    "expected": (str, "a text"),
    "found": (str, "a text"),
    "at_most": (int, "a whole number above 0"),
}
KEYS: Final = _NEEDED | _OPTIONAL
"""What an entry may hold -> its type, and how that is called."""
