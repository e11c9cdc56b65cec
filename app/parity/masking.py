"""Replaces values by tokens of the same shape, before anything is written."""

import hmac
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import chain, cycle
from typing import Final

from app.parity import xml_text
from app.parity.document import encoding_of, format_of, text_of, tree_of
from app.parity.recording import Answer
from app.parity.text_tree import Form, Node, ParseError

_PIECE: Final = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|&[^;]*;|.", re.S)
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(.*)", re.S)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_MOST_BLOCKS: Final = 64
_LETTERS: Final = "àçéñöüß"


class Mask:
    """Replaces the values of named members, at any depth.

    The same value gets the same token everywhere, also where it is written otherwise: digits
    become digits, letters letters of their case, dates dates; escapes, blanks, punctuation, zeros
    and null stay. A boolean becomes ``false``.

    Args:
        members: the names.
        key: who has it can test a guess against a token, so that short values need a secret one.
    """

    def __init__(self, members: tuple[str, ...], key: bytes = b"chargecloud") -> None:
        self.members = members
        self._names = frozenset(members)
        self._key = key

    def __call__(self, answer: Answer) -> Answer:
        """Return the answer with tokens; a body that can't be read becomes empty.

        What can't be read can't be searched for the members either.
        """
        if not self.members or not answer.body or format_of(answer) is None:
            return answer
        try:
            tree = tree_of(answer)
        except ParseError:
            return replace(answer, body=b"")
        text, end, parts = text_of(answer), 0, []
        for node in sorted(self._chosen(tree), key=lambda node: node.start):
            parts += [text[end : node.start], self._token(node)]
            end = node.end
        return replace(answer, body=_encoded(answer, "".join([*parts, text[end:]])))

    def _chosen(self, node: Node) -> Iterator[Node]:
        if node.name in self._names and node.is_leaf:
            yield node
        for child in node.children:
            yield from self._chosen(child)

    def _token(self, node: Node) -> str:
        if node.value is None:
            return node.raw
        if node.form is Form.LITERAL or (
            node.form is Form.TEXT and node.value in ("true", "false")
        ):
            return "false"
        if node.form is not Form.STRING and _NUMBER.fullmatch(node.value):
            # 11 and 11.0 are one value and get one token, each in its own form.
            return self._letters(node.raw, format(Decimal(node.value).normalize(), "f"))
        if found := _DATE.search(node.value):
            return self._date(node.raw, found)
        return self._letters(node.raw, node.value)

    def _stream(self, value: str) -> Iterator[int]:
        blocks = (
            hmac.digest(self._key, f"{block} {value}".encode("utf-8", "surrogatepass"), "sha256")
            for block in range(_MOST_BLOCKS)
        )
        return cycle(chain.from_iterable(blocks))

    def _letters(self, raw: str, value: str) -> str:
        """Replace what is a letter or digit, however it is written, with one of its kind."""
        stream = self._stream(value)
        return "".join(_replaced(piece, next(stream)) for piece in _PIECE.findall(raw))

    def _date(self, raw: str, found: re.Match[str]) -> str:
        stream = self._stream(found[0])
        day = date(2000 + next(stream) % 100, 1 + next(stream) % 12, 1 + next(stream) % 28)
        clock = f"{next(stream) % 24:02}:{next(stream) % 60:02}:{next(stream) % 60:02}"
        fraction = "".join(_replaced(digit, next(stream)) for digit in found[7] or "")
        return raw.replace(found[0], f"{day.isoformat()}T{clock}{fraction}{found[8]}")


def _replaced(piece: str, number: int) -> str:
    character = _meaning(piece)
    if character is None or not character.isalnum():
        return piece
    made = _like(character, number)
    if len(piece) == 1:
        return made
    if piece.startswith("\\u"):
        return f"\\u{ord(made):04x}"
    return f"&#x{ord(made):X};"


def _like(character: str, number: int) -> str:
    if not character.isascii():
        return _LETTERS[number % len(_LETTERS)]
    if character.isdigit():
        # Zeros carry the shape of a number: 11.0 keeps its fraction.
        return character if character == "0" else str(1 + number % 9)
    made = chr(ord("a") + number % 26)
    return made.upper() if character.isupper() else made


def _meaning(piece: str) -> str | None:
    if len(piece) == 1:
        return piece
    if piece.startswith("\\"):
        return chr(int(piece[2:], 16)) if piece[1] == "u" else None
    return xml_text.meant(piece)


def _encoded(answer: Answer, text: str) -> bytes:
    """Write a text as the answer's body was: with its mark, in its encoding."""
    mark, encoding = encoding_of(answer)
    return mark + text.encode(encoding, "surrogatepass" if "16" in encoding else "backslashreplace")
