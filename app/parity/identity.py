"""Recognises an answer that is in order but not the one: another user's, or a stale one."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Final

from app.parity.difference import Difference, Kind
from app.parity.text_tree import Node

_MOST: Final = 100_000
_VALUES: Final = {Kind.OTHER_VALUE, Kind.NIL}
_OUTSIDE: Final = {
    Kind.HEADER,
    Kind.HTTP_VERSION,
    Kind.CLOSING,
    Kind.FRAMING,
    Kind.CONTENT_ENCODING,
    Kind.MEDIA_TYPE,
    Kind.CHARSET,
    Kind.BYTE_ORDER_MARK,
}


class Identities:
    """Remembers which user each legacy answer belonged to, in bounded memory."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}
        self._unknown: set[int] = set()
        self._texts: set[int] = set()

    def remember(self, user: str, process: Node) -> None:
        """Remember a user's answer, if a process with values is in it."""
        if len(self._owners) < _MOST and _with_value(process):
            self._owners.setdefault(fingerprint(process), user)
        if len(self._texts) < _MOST:
            self._texts.add(hash(process.text))

    def owner(self, found: int) -> str | None:
        """Return the user whose answer has a fingerprint."""
        return self._owners.get(found)

    def knows_owners(self) -> bool:
        """Whether one of the processes that were another's turned out to be a user's."""
        return any(found in self._owners for found in self._unknown)

    def named(
        self, differences: list[Difference], user: str, expected: Node, found: Node
    ) -> list[Difference]:
        """Return one difference in place of all values', where the answer is another one.

        A stale answer that the legacy service never wrote like this keeps them all.
        """
        values = [item for item in differences if item.kind in _VALUES]
        valued = _with_value(found)
        if not values or not valued or fingerprint(expected) == fingerprint(found):
            return differences
        others = valued & {item.where for item in values}
        owner = self.owner(fingerprint(found))
        if owner is not None:
            kind = Kind.STALE if owner == user else Kind.ANOTHER_USER
        elif len(others) > 2 and 2 * len(others) >= len(_with_value(expected) | valued):
            kind = Kind.ANOTHER_PROCESS
            if len(self._unknown) < _MOST:
                self._unknown.add(fingerprint(found))
        else:
            return differences
        old, new = f"user {user}'s answer", f"user {owner}'s answer" if owner else "another one"
        if kind is Kind.STALE:
            new = f"an older one of user {user}"
        named = Difference(kind, "body", f"{old}: {expected.raw}", f"{new}: {found.raw}")
        if kind is Kind.STALE and hash(found.text) not in self._texts:
            return [*differences, named]
        return [*(item for item in differences if item.kind in _OUTSIDE), named]


def fingerprint(process: Node) -> int:
    """Return a number that is the same for the same values, however they are written."""
    return hash(tuple(sorted(_values(process))))


def _values(process: Node) -> Iterator[tuple[str, str]]:
    for child in process.children:
        text = "" if child.value is None else child.value
        with suppress(ArithmeticError):
            text = str(Decimal(text).normalize())
        yield child.name, text


def _with_value(process: Node) -> set[str]:
    """Return the members that say something: more than null, nothing, or zero."""
    return {child.name for child in process.children if child.value and child.value.strip("0.")}
