"""Differences that are allowed, each with a name, a reason and a date to expire."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from app.parity.difference import Difference, Kind
from app.parity.errors import InputError


class AllowedError(InputError):
    """The file of allowed differences can't be used; the message names entry and reason."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """An allowed difference: its kind, and where, as a pattern with ``*``."""

    name: str
    reason: str
    expires: date
    kind: Kind
    where: str = "*"

    def covers(self, difference: Difference) -> bool:
        """Whether it allows a difference."""
        return difference.kind is self.kind and fnmatchcase(difference.where, self.where)


class AllowedDifferences:
    """Those of a file, and how often each occurred."""

    def __init__(self, entries: list[Allowed], today: date) -> None:
        self.entries = entries
        self.today = today
        self.occurred: Counter[str] = Counter()

    def remaining(self, differences: list[Difference]) -> list[Difference]:
        """Return the differences that none in force covers, and count those that did."""
        left = []
        names = set()
        for item in differences:
            covering = [entry.name for entry in self._in_force() if entry.covers(item)]
            names.update(covering[:1])
            if not covering:
                left.append(item)
        self.occurred.update(names)
        return left

    def problems(self) -> list[str]:
        """Say which have expired and which no longer occur."""
        return [
            f"allowed difference {entry.name!r} expired on {entry.expires}"
            if entry.expires < self.today
            else f"allowed difference {entry.name!r} no longer occurs: remove it"
            for entry in self.entries
            if entry.expires < self.today or not self.occurred[entry.name]
        ]

    def _in_force(self) -> list[Allowed]:
        return [entry for entry in self.entries if entry.expires >= self.today]


def read(path: Path) -> list[Allowed]:
    """Read a TOML file of ``[[allowed]]`` tables. Raises AllowedError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AllowedError(f"{path}: is not TOML: {error}") from None
    if set(tables) - {"allowed"} or not isinstance(tables.get("allowed", []), list):
        raise AllowedError(f"{path}: must hold [[allowed]] tables only")
    entries = [_entry(table, f"{path}: entry {at}") for at, table in _numbered(tables)]
    twice = [name for name, count in Counter(entry.name for entry in entries).items() if count > 1]
    if twice:
        raise AllowedError(f"{path}: {twice[0]!r} stands twice")
    return entries


def _numbered(tables: dict[str, Any]) -> list[tuple[int, Any]]:
    return list(enumerate(tables.get("allowed", []), 1))


def _entry(table: dict[str, Any], where: str) -> Allowed:
    needed = {"name": str, "reason": str, "expires": date, "kind": str}
    for name, kind in needed.items():
        value = table.get(name)
        if not isinstance(value, kind) or (isinstance(value, str) and not value.strip()):
            raise AllowedError(f"{where}: {name} must be a {_ALLOWED[kind]}, not {value!r}")
    unknown = sorted(set(table) - {*needed, "where"})
    if unknown:
        raise AllowedError(
            f"{where}: {unknown[0]} is unknown; known are {', '.join(needed)}, where"
        )
    if table["kind"] not in list(Kind):
        raise AllowedError(f"{where}: kind must be one of {', '.join(Kind)}, not {table['kind']!r}")
    return Allowed(
        table["name"],
        table["reason"],
        table["expires"],
        Kind(table["kind"]),
        str(table.get("where", "*")),
    )


_ALLOWED = {str: "text", date: "date such as 2027-01-31"}
