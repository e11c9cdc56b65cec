"""Replaces values by tokens of the same shape, before anything is written."""

import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import chain, cycle
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from app.parity import xml_text
from app.parity.content_encoding import decoded, encoded
from app.parity.document import encoding_of, text_of, tree_of
from app.parity.recording import Answer
from app.parity.text_tree import Form, Node, ParseError

_JSON_PIECE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.S
)
_XML_PIECE: Final = re.compile(r"<!\[CDATA\[|\]\]>|&[#\w]+;|.", re.S)
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_MOST_BLOCKS: Final = 64
# Zeros stay: they carry the shape of a number, so that 11.0 keeps its fraction.
_ALPHABETS: Final = ("123456789", ascii_lowercase, ascii_uppercase)
_LETTERS: Final = "àçéñöüß"


class Mask:
    """Replaces the values of named members, at any depth.

    A value has one token, however it is written. Digits become digits, letters letters of their
    case, dates dates; escapes, blanks, punctuation, zeros, zones, exponents and null stay. Two
    numbers, and two texts in ASCII, never have one token. A boolean becomes ``false``.

    Args:
        members: the names; in an answer, they may be written in another case or convention.
        key: who has it can test a guess against a token, so that short values need a secret one.
    """

    def __init__(self, members: tuple[str, ...], key: bytes = b"chargecloud") -> None:
        self.members = members
        self._names = frozenset(map(_folded, members))
        self._key = key

    def __call__(self, answer: Answer) -> Answer:
        """Return the answer with tokens, compressed as it was.

        A body that can't be read can't be searched for the members: one token takes its place, and
        so that of a body in which a member is no plain value.
        """
        if not self.members or not answer.body:
            return answer
        try:
            return encoded(answer, self._masked(decoded(answer)))
        except ParseError:
            return replace(answer, body=self._whole(answer.body))

    def _masked(self, answer: Answer) -> bytes:
        try:
            return self._with_tokens(answer)
        except ParseError:
            return self._whole(answer.body)

    def _whole(self, body: bytes) -> bytes:
        return f"masked {self._digest(body).hex()}".encode()

    def _with_tokens(self, answer: Answer) -> bytes:
        """Return a body with tokens for the members. Raises ParseError."""
        text, end, parts = text_of(answer), 0, []
        if _encoded(answer, text) != answer.body:
            raise ParseError("is not in its charset")
        for node in sorted(self._chosen(tree_of(answer)), key=lambda node: node.start):
            parts += [text[end : node.start], self._token(node)]
            end = node.end
        return _encoded(answer, "".join([*parts, text[end:]]))

    def _chosen(self, node: Node) -> Iterator[Node]:
        if _folded(node.name) in self._names:
            yield node
            return
        for child in node.children:
            yield from self._chosen(child)

    def _token(self, node: Node) -> str:
        """Return what is written in place of a value. Raises ParseError if it is no plain one."""
        is_nil = node.value is None and node.form is Form.TEXT
        if not node.is_leaf or (node.raw if is_nil else node.attributes):
            raise ParseError("is no plain value")
        if node.value is None:
            return node.raw
        if node.value in ("true", "false") and node.form is not Form.STRING:
            return "false"
        if node.form is Form.NUMBER:
            mantissa = re.split("[eE]", node.raw)[0]
            return self._number(mantissa) + node.raw[len(mantissa) :]
        if node.form is Form.STRING:
            return f'"{_written(node.raw[1:-1], self._made(node.value), _JSON_PIECE)}"'
        return _written(node.raw, self._made(node.value), _XML_PIECE)

    def _made(self, value: str) -> str:
        """Return a value's token, a character for each of the value's."""
        if found := _DATE.fullmatch(value):
            return self._date(found)
        return self._number(value) if _NUMBER.fullmatch(value) else self._text(value)

    def _date(self, found: re.Match[str]) -> str:
        stream = self._stream(found[0])
        day = date(2000 + next(stream) % 100, 1 + next(stream) % 12, 1 + next(stream) % 28)
        clock = f"{next(stream) % 24:02}:{next(stream) % 60:02}:{next(stream) % 60:02}"
        return f"{day.isoformat()}T{clock}{self._number(found[1] or '')}{found[2] or ''}"

    def _number(self, value: str) -> str:
        """Replace the digits; where they stand stays, so that 11 and 11.0 get one token."""
        made = iter(self._text("".join(re.findall("[1-9]", value))))
        return re.sub("[1-9]", lambda _: next(made), value)

    def _text(self, value: str) -> str:
        """Replace letters and digits, each by one of its kind."""
        kinds = [_alphabet(character) for character in value]
        places = [at for at, alphabet in enumerate(kinds) if alphabet]
        shape = "".join(
            alphabet[0] if character.isascii() and alphabet else character
            for character, alphabet in zip(value, kinds, strict=True)
        )
        made = [alphabet.find(character) for character, alphabet in zip(value, kinds, strict=True)]
        # Each half shifts the other: that can be undone, so two texts have two tokens.
        halves = places[1::2], places[::2]
        for turn in range(3):
            mine, others = halves[turn % 2], halves[(turn + 1) % 2]
            stream = self._stream(f"{turn} {shape} {[made[at] for at in others]}")
            for at in mine:
                made[at] = (made[at] + 1 + next(stream) % (len(kinds[at]) - 1)) % len(kinds[at])
        return "".join(
            alphabet[at] if alphabet else character
            for character, alphabet, at in zip(value, kinds, made, strict=True)
        )

    def _digest(self, value: bytes) -> bytes:
        return hmac.digest(self._key, value, "sha256")

    def _stream(self, value: str) -> Iterator[int]:
        blocks = (
            self._digest(f"{block} {value}".encode("utf-8", "surrogatepass"))
            for block in range(_MOST_BLOCKS)
        )
        return cycle(chain.from_iterable(blocks))


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _alphabet(character: str) -> str:
    """Return what a character is replaced from, empty if it stays."""
    if character.isascii():
        return next((known for known in _ALPHABETS if character in known), "")
    return _LETTERS if character.isalnum() else ""


def _written(raw: str, token: str, piece: re.Pattern[str]) -> str:
    """Write a token as a value is written: with its escapes."""
    left = iter(token)
    return "".join(
        _replaced(text, meaning, next(left)) if meaning else text
        for text in piece.findall(raw)
        for meaning in [_meaning(text, piece)]
    )


def _meaning(piece: str, pattern: re.Pattern[str]) -> str:
    """Return the character that a piece stands for, empty for a mark of CDATA."""
    if len(piece) == 1:
        return piece
    if pattern is _JSON_PIECE:
        return str(json.loads(f'"{piece}"'))
    return "" if piece in ("<![CDATA[", "]]>") else xml_text.meant(piece)


def _replaced(piece: str, meaning: str, made: str) -> str:
    if made == meaning:
        return piece
    if len(piece) == 1:
        return made
    return f"\\u{ord(made):04x}" if piece.startswith("\\") else f"&#x{ord(made):X};"


def _encoded(answer: Answer, text: str) -> bytes:
    """Write a text as the answer's body was: with its mark, in its encoding."""
    mark, encoding = encoding_of(answer)
    return mark + text.encode(encoding, "surrogatepass" if "16" in encoding else "backslashreplace")
