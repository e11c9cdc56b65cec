"""A log's text, however it is packed and whichever way it is encoded."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO, cast

from app.parity.errors import InputError

LONGEST: Final = 64 * 1024
"""Of a line, only so many characters are read."""

_GZIP: Final = b"\x1f\x8b"
_MARKS: Final = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}


class LogError(InputError):
    """The file is no log that can be read; the message names it and says what is allowed."""


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a file, packed by gzip or not, in UTF-8 or UTF-16. Raises LogError.

    Bytes that are no UTF-8 come as half surrogates, so that nothing of them is lost.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.peek(2).startswith(_GZIP)
            stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
            head = stream.peek(4)[:4]
            encoding = _encoding(head)
            errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
            # GzipFile has all that a reader needs, but not its type.
            with io.TextIOWrapper(cast(io.BufferedReader, stream), encoding, errors) as text:
                yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LogError(f"{path}: is damaged, or not whole: {error}") from None


def lines(text: TextIO, first: str = "") -> Iterator[str]:
    """Yield the lines after the first one, without their ends; of a long one only its start."""
    line = first or text.readline(LONGEST)
    while line:
        yield line.strip("\ufeff\n")
        while not line.endswith("\n") and line:
            line = text.readline(LONGEST)
        line = text.readline(LONGEST)


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if len(head) == 4 and head[1] == head[3] == 0:
        return "utf-16-le"
    if len(head) == 4 and head[0] == head[2] == 0:
        return "utf-16-be"
    return "utf-8"
