"""JSON from files of any size: numbers keep their scale, errors say where they are."""

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from io import BufferedReader
from typing import Any, Final, NoReturn

from app.store.transfer.record_error import LONGEST, RecordError, printable, too_long

Numbered = Iterator[tuple[int, Any]]
"""Values, each with the line where it begins."""

_CHUNK = 1 << 16
# No token but a string is longer.
_TOKEN = 16
_BLANKS = re.compile(r"[ \t\r\n]*")
_ERRORS: Final = (ValueError, RecursionError, InvalidOperation)
"""What the decoder, and decoding from UTF-8, raise."""


def objects(head: bytes, stream: "BufferedReader[Any]", file: str, line: int) -> Numbered:
    """Yield the values of JSON lines, or of objects over many lines, one after another.

    Arguments are those of ``array``. Raises RecordError.
    """
    first = head + (b"" if head.endswith(b"\n") else stream.readline(LONGEST + 1 - len(head)))
    try:
        value = _decode(first, file, line)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated") or error.doc[error.pos :].strip():
            raise _record_error(error, file, line) from None
        # The first value goes on in the next line.
        yield from _sequence(_Text(first, stream, file, line))
        return
    yield line, value
    while content := stream.readline(LONGEST + 1):
        line += 1
        if not content.isspace():
            try:
                value = _decode(content, file, line)
            except json.JSONDecodeError as error:
                raise _record_error(error, file, line) from None
            yield line, value


def array(
    head: bytes, stream: "BufferedReader[Any]", file: str, line: int, offset: int = 0
) -> Numbered:
    """Yield the elements of one JSON array of objects.

    Holds no more of the file than a part. Raises RecordError.

    Args:
        head: the first bytes, in UTF-8.
        stream: the others.
        file: the file's name, for errors.
        line: the line where ``head`` begins.
        offset: how many bytes are before it.
    """
    text = _Text(head, stream, file, line, offset)
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


def _sequence(text: "_Text") -> Numbered:
    while text.next():
        yield text.element()


def _decode(content: bytes, file: str, line: int) -> Any:
    """Decode a line. Raises JSONDecodeError, and RecordError for all else."""
    if len(content) > LONGEST:
        raise too_long(file, line, "the line")
    try:
        return DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except json.JSONDecodeError:
        raise
    except _ERRORS as error:
        raise _record_error(error, file, line) from None


def _record_error(error: Exception, file: str, line: int) -> RecordError:
    """Say what is wrong with the text that begins in a line, one of ``_ERRORS``."""
    if isinstance(error, json.JSONDecodeError):
        line += error.lineno - 1
        return RecordError(file, line, _not_json(error.msg, error.colno))
    if isinstance(error, UnicodeDecodeError):
        return RecordError(file, line, f"is not UTF-8: byte {error.start + 1}")
    if isinstance(error, InvalidOperation):
        return RecordError(file, line, "holds a number with an exponent beyond all bounds")
    return RecordError(file, line, str(error))


def _not_json(reason: str, column: int) -> str:
    # Some of Python's reasons end where the place follows: "Unterminated string starting at".
    return f"is not JSON: {reason.removesuffix(' at')} at column {column}"


class _Text:
    """A part of a text in UTF-8, with the line and column where it begins."""

    def __init__(
        self, head: bytes, stream: "BufferedReader[Any]", file: str, line: int, offset: int = 0
    ) -> None:
        self._stream = stream
        self._file = file
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._bytes = offset
        self._part = ""
        # The column of the part's first character, and the line of the place ``_seen`` in it.
        self._column = 1
        self._line = line
        self._seen = 0
        self._elements = 0
        self.at = 0
        self._add(head)

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
        self._elements += 1
        while True:
            try:
                value, end = DECODER.raw_decode(self._part, self.at)
            except json.JSONDecodeError as error:
                place = self._position(error.pos)
                if not (self._may_be_cut(error) and self._more()):
                    self.fail(error.msg, place)
            except _ERRORS as error:
                raise _record_error(error, self._file, line) from None
            else:
                self._refuse_long(end)
                self.at = end
                return line, value

    def fail(self, reason: str, place: tuple[int, int] | None = None) -> NoReturn:
        """Raise RecordError for a line and column, by default the present ones."""
        line, column = place or self._position(self.at)
        raise RecordError(self._file, line, _not_json(reason, column))

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the part's end may be the reason, within a token or a string."""
        return len(self._part) - error.pos < _TOKEN or error.msg.startswith("Unterminated string")

    def _position(self, at: int) -> tuple[int, int]:
        """Return line and column of a place after ``_seen``."""
        before = self._part.rfind("\n", 0, at)
        column = self._column + at if before < 0 else at - before
        return self._line + self._part.count("\n", self._seen, at), column

    def _more(self) -> bool:
        """Read on; a part that holds one long value doubles."""
        self._refuse_long(len(self._part))
        self._line, self._column = self._position(self.at)
        self._part = self._part[self.at :]
        self._seen = self.at = 0
        read = self._stream.read(max(_CHUNK, len(self._part)))
        self._add(read)
        return bool(read)

    def _refuse_long(self, end: int) -> None:
        if end - self.at > LONGEST:
            raise too_long(self._file, self._line, f"element {self._elements}")

    def _add(self, read: bytes) -> None:
        self._bytes += len(read)
        try:
            self._part += self._utf8.decode(read, final=not read)
        except UnicodeDecodeError as error:
            place = self._bytes - len(error.object) + error.start + 1
            raise RecordError(self._file, self._line, f"is not UTF-8: byte {place}") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{printable(twice)}: stands twice")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


DECODER: Final = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique
)
"""Numbers as ``int`` and ``Decimal``, and no name twice."""
