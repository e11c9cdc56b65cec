"""Recognises text that was written or read in another charset than it should be."""

import re
from collections.abc import Iterator
from typing import Final

_SINGLE: Final = ("ascii", "latin-1", "cp1252", "cp1254", "iso8859-9")
_CHARSETS: Final = (
    *_SINGLE,
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
    "utf-32-be",
)
_PAIRS: Final = re.compile(r"[^\0-\uffff]")
_NOT_ASCII: Final = re.compile(r"[^\0-\x7f]")


def is_misread(before: str, after: str) -> bool:
    """Whether a text became another one by a charset: read in the wrong one, or as ``?``."""
    return not before.isascii() and after in _misread(before)


def readings(body: bytes, encoding: str) -> Iterator[tuple[str, str]]:
    """Yield the other charsets that bytes are text in, with that text."""
    for charset in _CHARSETS:
        if charset != encoding:
            try:
                yield charset, body.decode(charset)
            except UnicodeDecodeError:
                continue


def _misread(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "surrogatepass")
    # .NET writes a question mark for each half of a surrogate pair.
    halves = _PAIRS.sub("\ufffe\ufffe", text)
    for charset in _SINGLE:
        yield data.decode(charset, "replace")
        for lossy in (text, halves):
            yield lossy.encode(charset, "replace").decode(charset)
    yield _NOT_ASCII.sub("\ufffd", text)
