"""Bodies that are compressed on the way."""

import zlib
from dataclasses import replace
from typing import Final

from app.parity.recording import Answer

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_LARGEST: Final = 10_000_000


def content_encoding(answer: Answer) -> str | None:
    """Return how a body is encoded: as its header says, or gzip that no header announces."""
    named = (answer.header("Content-Encoding") or "").strip().lower()
    if named and named != "identity":
        return named
    return "gzip" if answer.body.startswith(b"\x1f\x8b") else None


def decoded(answer: Answer) -> Answer:
    """Return an answer as it was before it was encoded, or as it is if that can't be read."""
    window = _WINDOWS.get(content_encoding(answer) or "")
    if window is None:
        return answer
    try:
        body = zlib.decompressobj(window).decompress(answer.body, _LARGEST)
    except zlib.error:
        return answer
    headers = tuple(pair for pair in answer.headers if pair[0].lower() != "content-encoding")
    return replace(answer, headers=headers, body=body)
