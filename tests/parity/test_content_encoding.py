"""Bodies that are compressed: what is in them counts, and that they can be read."""

import gzip
import zlib
from datetime import date
from functools import partial

import pytest

from app.parity import content_encoding
from app.parity.allowed import Allowed, AllowedDifferences
from app.parity.difference import Kind
from app.parity.explain import OF_RECORDINGS, explain
from app.parity.headers import ComparedHeaders
from app.parity.recording import Answer
from app.parity.text_tree import ParseError

_BODY = b'{"price":1.0}'
_OTHER = b'{"price":2.0}'
_ALL = ComparedHeaders()
_gzip = partial(gzip.compress, mtime=0)


def _answer(body: bytes, *encodings: str) -> Answer:
    named = tuple(("Content-Encoding", encoding) for encoding in encodings)
    return Answer(200, (("Content-Type", "application/json; charset=utf-8"), *named), body)


_PACKED = _answer(_gzip(_BODY), "gzip")


def _named(expected: Answer, found: Answer, headers: ComparedHeaders = _ALL) -> list[str]:
    return [f"{item.kind} at {item.where}" for item in explain(expected, found, headers)]


def test_what_gzip_holds_is_compared() -> None:
    """Another level makes other bytes of the same body."""
    assert _named(_PACKED, _answer(_gzip(_BODY, 1), "gzip")) == []
    assert _named(_PACKED, _answer(_gzip(_OTHER), "gzip")) == ["other value at price"]
    stored, small = (_answer(zlib.compress(_BODY, level), "deflate") for level in (0, 9))
    assert _named(stored, small) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (_OTHER, "is not gzip: incorrect header check"),
        (b"", "ends before the gzip in it does"),
        (_gzip(_BODY)[:-8], "ends before the gzip in it does"),
        (_gzip(_OTHER)[:-8] + b"12345678", "is not gzip: incorrect data check"),
        (_gzip(_BODY) + b"more", "goes on after the end of the gzip in it"),
        (_gzip(_BODY) + _gzip(b""), "goes on after the end of the gzip in it"),
    ],
)
def test_a_body_that_is_not_whole_gzip_is_malformed(body: bytes, reason: str) -> None:
    """Clients can't read it, whatever can be read of it."""
    (found,) = explain(_PACKED, _answer(body, "gzip"), _ALL)

    assert (found.kind, found.where) == (Kind.MALFORMED, "body")
    assert str(found.found).startswith(reason)
    assert _named(_answer(body, "gzip"), _PACKED) == ["body at body"]
    assert _named(_answer(body, "gzip"), _answer(body, "gzip")) == []


def test_a_body_beyond_the_bound_is_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the bound is not known to be the same."""
    monkeypatch.setattr(content_encoding, "_LARGEST", 100)
    large, other = (_answer(_gzip(b"1" * 100 + end), "gzip") for end in (b"2", b"3"))

    assert _named(large, other) == ["body at body"]
    with pytest.raises(ParseError, match="more than 100 bytes"):
        content_encoding.decoded(large)
    assert content_encoding.decoded(_answer(_gzip(b"1" * 100), "gzip")).body == b"1" * 100


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (_PACKED, _answer(_PACKED.body)),
        (_PACKED, _answer(_PACKED.body, "identity")),
        (_PACKED, _answer(_PACKED.body, "x-gzip")),
        (_PACKED, _answer(_PACKED.body, "GZIP")),
        (_PACKED, _answer(_BODY)),
        (_answer(_BODY), _answer(_BODY, "identity")),
        (_answer(_BODY, "identity"), _answer(_PACKED.body, "identity")),
        (_answer(_PACKED.body), _answer(_PACKED.body, "identity")),
    ],
)
def test_the_label_is_compared(expected: Answer, found: Answer) -> None:
    """Also one that says nothing, and one that is not there."""
    different = ["content encoding at Content-Encoding"]

    assert _named(expected, found) == _named(found, expected) == different


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (_answer(_BODY), []),
        (_answer(_PACKED.body), []),
        (_answer(_OTHER), [Kind.OTHER_VALUE]),
        (_answer(_gzip(_OTHER)), [Kind.OTHER_VALUE]),
        (_answer(_PACKED.body, "br"), [Kind.MALFORMED]),
        (_answer(b"garbage", "br"), [Kind.MALFORMED]),
    ],
)
def test_an_allowed_encoding_hides_no_body(found: Answer, left: list[Kind]) -> None:
    """The decoded bodies are compared, and one that can't be decoded differs."""
    entry = Allowed("n", "r", date(2027, 1, 31), Kind.CONTENT_ENCODING, "*")
    allowed = AllowedDifferences([entry], date(2026, 11, 25))

    assert [item.kind for item in allowed.remaining(explain(_PACKED, found, _ALL))] == left


def test_a_recording_without_the_header_says_only_what_the_body_shows() -> None:
    """Recordings made by 1.0.0 hold no Content-Encoding."""
    recorded = _answer(_PACKED.body)

    assert _named(recorded, _PACKED, OF_RECORDINGS) == []
    assert _named(recorded, _answer(_BODY), OF_RECORDINGS) == [
        "content encoding at Content-Encoding"
    ]


def test_the_label_of_a_head_is_compared() -> None:
    """Its body is not there to show the encoding."""
    (found,) = explain(_answer(b"", "gzip"), _answer(b""), _ALL, "HEAD")

    assert (found.kind, found.expected, found.found) == (Kind.CONTENT_ENCODING, "gzip", None)
    assert explain(_answer(b""), _answer(b"", "gzip"), OF_RECORDINGS, "HEAD") == []
