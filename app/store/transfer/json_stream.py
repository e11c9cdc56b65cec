"""JSON from files of any size: numbers keep their scale, errors say where they are."""

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from io import BufferedReader
from typing import Any, Final, NoReturn

from app.errors import StoreError

_CHUNK = 1 << 16
# No token but a string is longer.
_TOKEN = 16
_BLANKS = re.compile(r"[ \t\r\n]*")


class RecordError(StoreError):
    """A record that can't be taken: file, line, member and reason in one line."""

    def __init__(self, file: str, line: int, reason: str, member: str | None = None) -> None:
        where = f"{file}:{line}" + (f": {member}" if member else "")
        super().__init__(f"{where}: {reason}")


JSON_ERRORS: Final = (ValueError, RecursionError, InvalidOperation)
"""What the decoder, and decoding from UTF-8, raise."""


def record_error(error: Exception, file: str, line: int) -> RecordError:
    """Say what is wrong with the text that begins in a line, one of ``JSON_ERRORS``."""
    if isinstance(error, json.JSONDecodeError):
        line += error.lineno - 1
        return RecordError(file, line, f"is not JSON: {error.msg} at column {error.colno}")
    if isinstance(error, UnicodeDecodeError):
        return RecordError(file, line, f"is not UTF-8: byte {error.start + 1}")
    if isinstance(error, InvalidOperation):
        return RecordError(file, line, "holds a number with an exponent beyond all bounds")
    return RecordError(file, line, str(error))


def array(stream: "BufferedReader[Any]", file: str) -> Iterator[tuple[int, Any]]:
    """Yield the elements of one JSON array of objects, each with its line.

    Holds no more of the file than a part. Raises RecordError.
    """
    text = _Text(stream, file)
    text.take("[")
    if text.next() == "]":
        text.at += 1
    else:
        yield text.element()
        while text.take(",]") == ",":
            text.next()
            yield text.element()
    if text.next():
        text.fail("Extra data")


class _Text:
    """A part of a text in UTF-8, with the line and column where it begins."""

    def __init__(self, stream: "BufferedReader[Any]", file: str) -> None:
        self._stream = stream
        self._file = file
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._bytes = 0
        self._part = ""
        # The column of the part's first character, and the line of the place ``_seen`` in it.
        self._column = self._line = 1
        self._seen = 0
        self.at = 0

    def next(self) -> str:
        """Go to the next character that is not blank and return it, or nothing at the end."""
        while True:
            self.at = _BLANKS.match(self._part, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self._part) or not self._more():
                return self._part[self.at : self.at + 1]

    def take(self, allowed: str) -> str:
        """Take the next character that is not blank, which must be one of some."""
        found = self.next()
        if not found or found not in allowed:
            self.fail(f"Expecting {' or '.join(map(repr, allowed))}")
        self.at += 1
        return found

    def element(self) -> tuple[int, Any]:
        """Take the value that begins here."""
        line = self._line = self._line + self._part.count("\n", self._seen, self.at)
        self._seen = self.at
        while True:
            try:
                value, self.at = DECODER.raw_decode(self._part, self.at)
            except json.JSONDecodeError as error:
                place = self._position(error.pos)
                if not (self._may_be_cut(error) and self._more()):
                    self.fail(error.msg, place)
            except JSON_ERRORS as error:
                raise record_error(error, self._file, line) from None
            else:
                return line, value

    def fail(self, reason: str, place: tuple[int, int] | None = None) -> NoReturn:
        """Raise RecordError for a line and column, by default the present ones."""
        line, column = place or self._position(self.at)
        raise RecordError(self._file, line, f"is not JSON: {reason} at column {column}")

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the part's end may be the reason, within a token or a string."""
        return len(self._part) - error.pos < _TOKEN or error.msg.startswith("Unterminated string")

    def _position(self, at: int) -> tuple[int, int]:
        """Return line and column of a place behind ``_seen``."""
        before = self._part.rfind("\n", 0, at)
        column = self._column + at if before < 0 else at - before
        return self._line + self._part.count("\n", self._seen, at), column

    def _more(self) -> bool:
        """Read on; a part that holds one long value doubles."""
        self._line, self._column = self._position(self.at)
        self._seen = 0
        rest = self._part[self.at :]
        read = self._stream.read(max(_CHUNK, len(rest)))
        self._bytes += len(read)
        try:
            self._part = rest + self._utf8.decode(read, final=not read)
        except UnicodeDecodeError as error:
            place = self._bytes - len(error.object) + error.start + 1
            raise RecordError(self._file, self._line, f"is not UTF-8: byte {place}") from None
        self.at = 0
        return bool(read)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice}: stands twice")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


DECODER: Final = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
)
"""Numbers as ``int`` and ``Decimal``, and no name twice."""
