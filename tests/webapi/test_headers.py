"""The grammar of System.Net.Http's headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webapi.headers import parse_accept, parse_accept_charset, parse_content_type


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, []),
        ("", []),
        (" , ,, ", []),
        ("text/xml", [("text/xml", 1.0)]),
        ("TEXT/Xml", [("text/xml", 1.0)]),
        ("text / xml", [("text/xml", 1.0)]),
        ("text/xml,application/json", [("text/xml", 1.0), ("application/json", 1.0)]),
        (",text/xml, ,", [("text/xml", 1.0)]),
        ("*/*;q=0.5", [("*/*", 0.5)]),
        ("text/*;q=.5", [("text/*", 0.5)]),
        ("text/xml;q=1.", [("text/xml", 1.0)]),
        ("text/xml;q=1.5", [("text/xml", 1.5)]),
        ("text/xml;Q=0.7", [("text/xml", 0.7)]),
        ("text/xml ; q = 0.3", [("text/xml", 0.3)]),
        ("text/xml;level=1;q=0.2;q=0.9", [("text/xml", 0.2)]),
        ('text/xml;a="x,y;z\\"";q=0.2', [("text/xml", 0.2)]),
        ("text/xml;q", [("text/xml", 1.0)]),
        ("text/xml;q=abc", [("text/xml", 1.0)]),
        ("text/xml;q=-1", [("text/xml", 1.0)]),
        ('text/xml;q="0.4"', [("text/xml", 1.0)]),
        ("text/xml;q=1e0", [("text/xml", 1.0)]),
        ("text/xml;q=", []),
        ("text/xml;", []),
        ("text/xml;;q=1", []),
        ("*", []),
        ("*;q=.2, text/xml", []),
        ("foo", []),
        ("text/xml/x", []),
        ("text/xml text/json", []),
        ('text/xml;a="b', []),
        ("text/xml, text/(x)", []),
    ],
)
def test_accept(header: str | None, expected: list[tuple[str, float]]) -> None:
    """Elements come in written order; one malformed element makes the header count as absent."""
    assert [(value.media_type, value.quality) for value in parse_accept(header)] == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, []),
        ("utf-8", [("utf-8", 1.0)]),
        ("UTF-16;q=0.5,*", [("utf-16", 0.5), ("*", 1.0)]),
        ("utf-8 ; q = 0.5 ,", [("utf-8", 0.5)]),
        ("utf-8;q=1.", [("utf-8", 1.0)]),
        ("utf-8;q=.5", []),
        ("utf-8;q=1.5", []),
        ("utf-8;q=", []),
        ("utf-8;level=1", []),
        ("utf-8;q=0.5.5", []),
        ("utf-8 utf-16", []),
    ],
)
def test_accept_charset(header: str | None, expected: list[tuple[str, float]]) -> None:
    """A quality is a number from 0 to 1 that begins with a digit."""
    assert [(value.value, value.quality) for value in parse_accept_charset(header)] == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bogus", None),
        ("text/xml; charset=utf-8", ("text/xml", "utf-8")),
        (" Application/JSON ", ("application/json", None)),
        ('text/xml; charset="utf-16"', ("text/xml", '"utf-16"')),
        ("text/xml, text/json", None),
    ],
)
def test_content_type(header: str | None, expected: tuple[str, str | None] | None) -> None:
    """A content type is one element, its charset as written."""
    parsed = parse_content_type(header)

    assert (parsed and (parsed.media_type.media_type, parsed.charset)) == expected


@given(st.text(st.characters(max_codepoint=255)))
def test_nothing_raises(header: str) -> None:
    """Any bytes are read or refused as a whole."""
    parse_accept(header)
    parse_accept_charset(header)
    parse_content_type(header)


@pytest.mark.parametrize("header", ['a/b;c="' + "\\" * 8000, "a/b;" * 2000, "a" * 8000, "," * 8000])
def test_long_headers_are_read_at_once(header: str) -> None:
    """No header costs more than one pass."""
    assert parse_accept(header) == ()
