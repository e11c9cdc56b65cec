"""The grammar of System.Net.Http's headers."""

from math import inf
from string import ascii_letters

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
        ("text/xml;q=Infinity", [("text/xml", inf)]),
        ("text/xml;q=-Infinity", [("text/xml", -inf)]),
        ("text/xml;q=+Infinity", [("text/xml", 1.0)]),
        ("text/xml;q=infinity", [("text/xml", 1.0)]),
        ('text/xml;q="Infinity"', [("text/xml", 1.0)]),
        (f"text/xml;q={'9' * 310}", [("text/xml", 1.0)]),
        (f"text/xml;q=0.{'0' * 400}1", [("text/xml", 0.0)]),
        ('text/xml;a="b\\"', [("text/xml", 1.0)]),
        ('text/xml;a="\\"', [("text/xml", 1.0)]),
        ('text/xml;a="b\\";q=0.2', []),
        ('text/xml;a="b\\" ', []),
        ('text/xml;a="b\\""', [("text/xml", 1.0)]),
        ('text/xml;a="b\\\\";q=0.2', [("text/xml", 0.2)]),
        ('text/xml;a="\\\xe9";q=0.2', [("text/xml", 0.2)]),
        ('text/xml;a="\\', []),
        ('text/json, text/xml;a="b\\"', [("text/json", 1.0), ("text/xml", 1.0)]),
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
        ('text/xml;charset="utf-16\\"', ("text/xml", '"utf-16\\"')),
        ('text/xml;a="b\\";charset=utf-16', None),
    ],
)
def test_content_type(header: str | None, expected: tuple[str, str | None] | None) -> None:
    """A content type is one element, its charset as written."""
    parsed = parse_content_type(header)

    assert (parsed and (parsed.media_type.media_type, parsed.charset)) == expected


class _Reader:
    """HttpRuleParser's steps, character by character."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, allowed: str) -> str:
        start = self.at
        while self.peek() and self.peek() in allowed:
            self.at += 1
        return self.text[start : self.at]

    def token(self) -> str:
        found = self.skip("!#$%&'*+-.^_`|~0123456789" + ascii_letters)
        assert found
        self.skip(" \t")
        return found

    def value(self) -> str:
        if self.peek() != '"':
            return self.token()
        start = self.at
        self.at += 1
        while self.peek() != '"':
            assert self.peek()
            escapes = self.peek() == "\\" and self.at + 2 < len(self.text)
            self.at += 2 if escapes and self.text[self.at + 1].isascii() else 1
        self.at += 1
        quoted = self.text[start : self.at]
        self.skip(" \t")
        return quoted

    def mark(self, character: str) -> bool:
        found = self.peek() == character
        self.at += found
        self.skip(" \t" if found else "")
        return found

    def media_type(self) -> tuple[str, float]:
        kind = self.token()
        assert self.mark("/")
        kind = f"{kind}/{self.token()}".lower()
        parameters: dict[str, str] = {}
        while self.mark(";"):
            name = self.token().lower()
            parameters.setdefault(name, self.value() if self.mark("=") else "")
        return kind, _readable(parameters.get("q", ""))


def _readable(quality: str) -> float:
    if quality in ("Infinity", "-Infinity", "NaN"):
        return float(quality)
    if not quality.strip("0123456789.") and quality.count(".") < 2 and quality.strip("."):
        return float(quality) if float(quality) < inf else 1.0
    return 1.0


def _accepted(header: str) -> list[tuple[str, float]]:
    reader, found = _Reader(header), []
    try:
        reader.skip(" \t,")
        while reader.peek():
            found.append(reader.media_type())
            assert reader.peek() in ("", ",")
            reader.skip(" \t,")
    except AssertionError:
        return []
    return found


_PIECES = [
    *[
        "text",
        "xml",
        "*",
        "a",
        "q",
        "Q",
        "/",
        ";",
        "=",
        ",",
        " ",
        "\t",
        '"',
        "\\",
        '\\"',
        "\xe9",
        "(",
    ],
    *["0.5", ".5", "1.", "1", "-1", "1e0", "9" * 310, "Infinity", "-Infinity", "NaN", "infinity"],
    *["text/xml", "application/json", "*/*", ";q=", ';a="', ';a="b\\"', ";charset=utf-8"],
]


@given(st.lists(st.sampled_from(_PIECES), max_size=9).map("".join))
def test_accept_agrees_with_a_plain_reference(header: str) -> None:
    """Both read the same elements and qualities, or nothing."""
    found = [(value.media_type, repr(value.quality)) for value in parse_accept(header)]

    assert found == [(kind, repr(quality)) for kind, quality in _accepted(header)]


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
