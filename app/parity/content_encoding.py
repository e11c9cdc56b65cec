"""Bodies that are compressed on the way."""

import zlib
from dataclasses import replace
from typing import Final

from app.parity.recording import Answer
from app.parity.text_tree import ParseError

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP: Final = b"\x1f\x8b"
_LARGEST: Final = 10_000_000
"""The most bytes that a body is decompressed to."""


def coding(answer: Answer) -> str | None:
    """Return how a body is encoded, whether its header says so or not; ``None`` for as it is."""
    return _named(answer) or ("gzip" if answer.body.startswith(_GZIP) else None)


def content_encoding(answer: Answer) -> str | None:
    """Return what Content-Encoding says, as it is written, and whether it leaves out gzip."""
    written = answer.header("Content-Encoding")
    if _named(answer) or coding(answer) is None:
        return written
    return "gzip without Content-Encoding" if written is None else f"gzip labelled {written!r}"


def decoded(answer: Answer) -> Answer:
    """Return an answer as it was before it was encoded, without Content-Encoding.

    Raises ParseError for a body that is not whole, has bytes after its end, decompresses to more
    than 10,000,000 bytes, or is in an encoding that the kit can't read.
    """
    name = coding(answer)
    if name is None:
        return answer
    headers = tuple(pair for pair in answer.headers if pair[0].lower() != "content-encoding")
    return replace(answer, headers=headers, body=_decompressed(answer.body, name))


def encoded(answer: Answer, body: bytes) -> Answer:
    """Return an answer with another body, encoded as its own is. Raises as ``decoded`` does."""
    name = coding(answer)
    if name is None:
        return replace(answer, body=body)
    packer = zlib.compressobj(wbits=_window(name))
    return replace(answer, body=packer.compress(body) + packer.flush())


def _named(answer: Answer) -> str:
    """Return the encoding that a header names, empty for none and ``identity``."""
    named = (answer.header("Content-Encoding") or "").strip().lower()
    return "" if named == "identity" else named


def _window(name: str) -> int:
    if name not in _WINDOWS:
        raise ParseError(f"can't decode {name}, only {', '.join(_WINDOWS)}")
    return _WINDOWS[name]


def _decompressed(body: bytes, name: str) -> bytes:
    stream = zlib.decompressobj(_window(name))
    try:
        found = stream.decompress(body, _LARGEST + 1)
    except zlib.error as error:
        raise ParseError(f"is not {name}: {str(error).rpartition(': ')[2]}") from None
    if len(found) > _LARGEST:
        raise ParseError(f"has more than {_LARGEST:,} bytes when decoded from {name}")
    if not stream.eof:
        raise ParseError(f"ends before the {name} in it does")
    if stream.unused_data:
        raise ParseError(f"goes on after the end of the {name} in it")
    return found
