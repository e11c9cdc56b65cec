"""Differences of two answers, by kind, place and text."""

import time
from dataclasses import replace
from unicodedata import normalize

import pytest

from app.parity.difference import Difference, Kind
from app.parity.explain import explain
from app.parity.headers import ComparedHeaders
from app.parity.masking import Mask
from app.parity.recording import Answer

_JSON = "application/json; charset=utf-8"
_XML = "application/xml; charset=utf-8"

_NIL = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'


def _answer(body: str | bytes, content_type: str = _JSON, status: int = 200) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return Answer(status, (("Content-Type", content_type),), data)


def _named(expected: Answer, found: Answer) -> list[tuple[str, str]]:
    return [(item.kind, item.where) for item in explain(expected, found)]


@pytest.mark.parametrize(
    ("expected", "found", "kind", "where"),
    [
        ('{"a":1.0}', '{"a":1}', "number scale", "a"),
        ('{"a":1e2}', '{"a":100}', "number exponent", "a"),
        ('{"a":-0.0}', '{"a":0.0}', "number sign", "a"),
        ('{"a":1.0}', '{"a":1.1}', "other value", "a"),
        ('{"a":1.0}', '{"a":"1.0"}', "value type", "a"),
        ('{"a":true}', '{"a":1}', "value type", "a"),
        ('{"a":true}', '{"a":false}', "other value", "a"),
        ('{"a":null}', '{"a":0}', "nil", "a"),
        ('{"a":1}', "null", "nil", "body"),
        ('{"a":{"b":[1,2]}}', '{"a":{"b":[1,3]}}', "other value", "a.b.1"),
        ('{"a":[1]}', '{"a":[1,2]}', "extra member", "a.1"),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', "member order", "body"),
        ('{"a":1,"b":2}', '{"a":1}', "missing member", "b"),
        ('{"a":1}', '{"a":1,"b":2}', "extra member", "b"),
        ('{"a":1}', '{"A":1}', "member name", "a"),
        ('{"a":1,"a":2}', '{"a":1}', "missing member", "a[2]"),
        ('{"a":1,"a[2]":2}', '{"a":1,"a":2}', "member name", "a[2]"),
        ('{"a":1,"a":2}', '{"a":1,"a[2]":2}', "member name", "a[2]"),
        ('{"a":"\u00fc"}', '{"a":"\\u00fc"}', "escape", "a"),
        ('{"a":1}', '{"\\u0061":1}', "escape", "a"),
        ('{"a":"x\\r\\ny"}', '{"a":"x\\ny"}', "line break", "a"),
        ('{"a":"x  y"}', '{"a":"x y"}', "white space", "a"),
        ('{"a":"CCS"}', '{"a":"ccs"}', "letter case", "a"),
        ('{"a":"1.0"}', '{"a":"1"}', "other value", "a"),
        ('{"a":1}', '{ "a" : 1 }', "white space", "body"),
        ('{"a":1}', '{"a":1}\r\n', "line break", "body"),
        ('{"a":1}', '{"a":1,}', "malformed", "body"),
        ('{"a":1}', "", "malformed", "body"),
    ],
)
def test_json_texts(expected: str, found: str, kind: str, where: str) -> None:
    """Each difference of JSON has one name and its place."""
    assert _named(_answer(expected), _answer(found)) == [(kind, where)]


@pytest.mark.parametrize(
    ("expected", "found", "kinds"),
    [
        ("2020-01-02T03:04:05.12", "2020-01-02T03:04:05.120000", ["date text"]),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05+00:00", ["date text"]),
        ("2020-01-02T03:04:05Z", "2020-01-02 03:04:05Z", ["date text"]),
        ("2020-01-02T03:04:05+03:00", "2020-01-02T03:04:05+0300", ["date text"]),
        ("2020-01-02T03:04:05.1234567", "2020-01-02T03:04:05.123456", ["date fraction cut"]),
        ("2020-01-02T03:04:05.1234567", "2020-01-02T03:04:05", ["date fraction cut"]),
        ("2020-01-02T03:04:05.1234567", "2020-01-02T03:04:05.123457", ["date fraction rounded"]),
        ("2020-01-02T03:59:59.9999999", "2020-01-02T04:00:00.000", ["date fraction rounded"]),
        ("2020-01-02T03:59:59.5", "2020-01-02T04:00:00", ["date fraction rounded"]),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05", ["date zone left out"]),
        ("2020-01-02T06:04:05+03:00", "2020-01-02T03:04:05", ["other value"]),
        ("2020-01-02T03:04:05", "2020-01-02T03:04:05Z", ["date zone added"]),
        ("2020-01-02T03:04:05", "2020-01-02T06:04:05+03:00", ["other value"]),
        ("2020-01-02T03:04:05Z", "2020-01-02T06:04:05+03:00", ["date in another zone"]),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05+03:00", ["date zone changed"]),
        (
            "2020-01-02T03:04:05.1234567+03:00",
            "2020-01-02T03:04:05.123",
            ["date fraction cut", "date zone left out"],
        ),
        (
            "2020-01-02T03:04:05.1236+03:00",
            "2020-01-02T00:04:05.124Z",
            ["date fraction rounded", "date in another zone"],
        ),
        ("2020-01-02T03:04:05.1", "2020-01-02T03:04:05.2", ["other value"]),
        ("2020-01-02T03:04:05.1", "2020-01-02T03:04:05.12", ["other value"]),
        ("2020-01-02T03:04:05", "2020-01-02T03:05:05", ["other value"]),
        ("9999-12-31T23:59:59.9", "9999-12-31T23:59:59", ["date fraction cut"]),
        ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", ["other value"]),
        ("2020-13-02T03:04:05", "2020-13-02T03:04:06", ["other value"]),
    ],
)
def test_dates(expected: str, found: str, kinds: list[str]) -> None:
    """Zone and fraction are named apart; another moment is another value."""
    differences = explain(_answer(f'{{"d":"{expected}"}}'), _answer(f'{{"d":"{found}"}}'))

    assert [item.kind for item in differences] == kinds


@pytest.mark.parametrize(
    ("expected", "found", "kind"),
    [
        ("11.0", "11", "number scale"),
        ("11", "11.00", "number scale"),
        ("100", "1e2", "number exponent"),
        ("0.0", "-0.0", "number sign"),
        ("5.5", "-5.5", "number sign"),
        ("11.234", "11.23", "number rounding"),
        ("11.238", "11.24", "number rounding"),
        ("99.96", "100.0", "number rounding"),
        ("0.4", "0", "number rounding"),
        ("7465075291.703423667127", "7465075291.7034235", "number rounding"),
        ("19.1", "19.100000000000001", "number rounding"),
        ("19.0", "20.0", "other value"),
        ("1499.99", "1000", "other value"),
        ("12", "12.4", "other value"),
        ("1499", "1e3", "other value"),
        ("11.234", "11.25", "other value"),
        ("1" * 30, "1" * 29 + "2", "other value"),
        ("1e999", "9e999", "other value"),
    ],
)
def test_numbers(expected: str, found: str, kind: str) -> None:
    """Scale, exponent, sign and rounding are told from another value, in both formats."""
    xml = _answer(f"<r><d>{expected}</d></r>", _XML), _answer(f"<r><d>{found}</d></r>", _XML)

    assert _named(_answer(f'{{"d":{expected}}}'), _answer(f'{{"d":{found}}}')) == [(kind, "d")]
    assert _named(*xml) == [(kind, "d")]


@pytest.mark.parametrize(
    ("expected", "found", "kind", "where"),
    [
        ("<r><a>1</a><b>2</b></r>", "<r><b>2</b><a>1</a></r>", "element order", "body"),
        ("<r><a>1</a></r>", "<r/>", "missing member", "a"),
        ("<r><a>1</a><b>2</b></r>", "<r><a>1</a></r>", "missing member", "b"),
        ("<r><a>1</a></r>", "<r><a>1</a><b>2</b></r>", "extra member", "b"),
        ("<r><a>1</a></r>", "<r><a>1.0</a></r>", "number scale", "a"),
        ("<r><a>&lt;</a></r>", "<r><a>&#60;</a></r>", "escape", "a"),
        ("<r><a>&lt;</a></r>", "<r><a><![CDATA[<]]></a></r>", "escape", "a"),
        ("<r><a></a></r>", "<r><a /></r>", "empty element", "a"),
        ("<r><a /></r>", "<r><a/></r>", "empty element", "a"),
        ('<r xmlns="u"/>', '<r xmlns="v"/>', "namespace", "body"),
        ('<r xmlns="u"/>', '<p:r xmlns:p="u"/>', "prefix", "body"),
        ('<r a="1" b="2"/>', '<r a="2" b="1"/>', "attribute", "body"),
        ('<r a="1"/>', '<r a="1" a="1"/>', "malformed", "body"),
        (f"<r {_NIL}/>", f"<r {_NIL}>5</r>", "nil", "body"),
        (f"<r {_NIL}></r>", f"<r {_NIL}> </r>", "white space", "body"),
        ('<r x="1" y="2"/>', '<r y="2" x="1"/>', "attribute order", "body"),
        ('<r x="1"/>', "<r x='1'/>", "quotes", "body"),
        ('<r x="1"/>', '<r x="2"/>', "attribute", "body"),
        ("<r><a>1</a></r>", "<r>price was 9<a>1</a></r>", "other value", "body"),
        ("<r>1</r>", "<?xml version='1.0'?><r>1</r>", "XML declaration", "body"),
        ("<r>1</r>", "<s>1</s>", "member name", "body"),
        ("<r><a>1</a></r>", "<r>\n<a>1</a></r>", "white space", "body"),
        ("<r>1</r>", "<r>1", "malformed", "body"),
        ("<r>1</r>", "<r>1</r><r/>", "malformed", "body"),
        ("<r>1</r>", "<r><p:a/></r>", "malformed", "body"),
        ("<r>1</r>", "<!DOCTYPE r><r>1</r>", "malformed", "body"),
        ("<r>&#x1;</r>", "<r>&#1;</r>", "escape", "body"),
    ],
)
def test_xml_texts(expected: str, found: str, kind: str, where: str) -> None:
    """Each difference of XML has one name and its place."""
    assert _named(_answer(expected, _XML), _answer(found, _XML)) == [(kind, where)]


def test_a_namespace_is_named_once() -> None:
    """Not again for each element that inherits it."""
    old = _answer('<r xmlns="u"><a>1</a><b><c/></b></r>', _XML)
    new = _answer('<r xmlns="v"><a>1</a><b><c/></b></r>', _XML)

    assert _named(old, new) == [("namespace", "body")]


def test_nil_is_known_by_its_namespace() -> None:
    """Whatever its prefix is; a value in its place is named nil."""
    old = _answer(
        '<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="true"/></r>', _XML
    )
    new = _answer('<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a>1</a></r>', _XML)

    assert _named(old, new) == [("nil", "a")]


def test_a_status_is_all_that_is_named() -> None:
    """The body of another status is another body, which says nothing more."""
    assert explain(_answer("{}"), _answer("no", status=404)) == [
        Difference(Kind.STATUS, "status", "200", "404")
    ]


def test_a_body_in_another_format_differs_as_a_whole() -> None:
    """JSON and XML are not compared token by token."""
    assert _named(_answer("{}"), _answer("<a/>", _XML)) == [
        ("media type", "Content-Type"),
        ("body", "body"),
    ]


def test_another_media_type_hides_no_other_body() -> None:
    """It is compared if it can be read in the legacy service's format."""
    new = _answer('{"a":2}', "text/plain; charset=us-ascii; x=1")

    assert _named(_answer('{"a":1}'), new) == [
        ("media type", "Content-Type"),
        ("charset", "Content-Type"),
        ("header", "Content-Type"),
        ("other value", "a"),
    ]


@pytest.mark.parametrize(
    ("expected", "found", "content_type", "kinds"),
    [
        ('{"a":19.75}', '{"a":"banana"}', _JSON, ["value type", "other value"]),
        ('{"a":1}', '{"a":[2]}', _JSON, ["value type", "other value"]),
        ('{"a":1.0}', '{"a":"1"}', _JSON, ["value type", "number scale"]),
        ('{"a":1.0}', '{ "a":1 }', _JSON, ["white space", "number scale"]),
        ('{"a":1.0}', '{"a":1}\n', _JSON, ["line break", "number scale"]),
        ('<r xmlns="u"/>', '<r xmlns="v" evil="1"/>', _XML, ["namespace", "attribute"]),
        ('<r xmlns="u"/>', '<r xmlns="v" xmlns:q="w"/>', _XML, ["namespace", "attribute"]),
        (
            "<r><a>1.0</a></r>",
            "<r><a>1</a>price was 9<b/></r>",
            _XML,
            ["other value", "number scale", "extra member"],
        ),
    ],
)
def test_a_difference_hides_no_other_one(
    expected: str, found: str, content_type: str, kinds: list[str]
) -> None:
    """Each kind lets pass only what its name says, if it is allowed."""
    named = _named(_answer(expected, content_type), _answer(found, content_type))

    assert [kind for kind, _ in named] == kinds


@pytest.mark.parametrize(
    ("expected", "found", "kinds"),
    [
        (b"\xff\xfe{\0}\0", b"{\0}\0", ["byte-order mark"]),
        (b"\xff\xfe{\0}\0", b"\xfe\xff\0{\0}", ["byte-order mark"]),
        (b"{\0}\0", b"\0{\0}", ["charset"]),
        (b"\xff\xfe{\0}\0", b"\xff\xfe{\0 \0}\0", ["white space"]),
    ],
)
def test_utf16(expected: bytes, found: bytes, kinds: list[str]) -> None:
    """Marks and byte order are told apart from text."""
    charset = "application/json; charset=utf-16"
    named = _named(_answer(expected, charset), _answer(found, charset))

    assert [kind for kind, _ in named] == kinds


def test_bytes_that_are_no_text_differ() -> None:
    """Undecodable bytes are shown as escapes."""
    differences = explain(_answer('{"a":"x"}'), _answer(b'{"a":"\xff"}'))

    assert [item.kind for item in differences] == [Kind.MALFORMED]
    assert r"\xff" in str(differences[0].found)


def test_a_head_has_no_body_to_compare() -> None:
    """Servers drop it."""
    assert explain(_answer("{}"), _answer(""), method="HEAD") == []


def test_a_head_says_how_long_its_body_would_be() -> None:
    """That is compared where recordings hold it."""
    old, new = (Answer(200, (("Content-Length", length),), b"") for length in ("9", "10"))

    (found,) = explain(old, new, ComparedHeaders(), "HEAD")
    assert (found.kind, found.where, found.found) == ("header", "Content-Length", "10")
    assert explain(old, new, ComparedHeaders()) == []
    assert explain(old, new, method="HEAD") == []


def test_a_body_in_no_known_format_is_shown_whole() -> None:
    """There are no tokens to name."""
    old, new = _answer("one", "text/plain"), _answer("two", "text/plain")

    assert explain(old, new) == [Difference(Kind.BODY, "body", "one", "two")]


def test_a_chosen_header_counts() -> None:
    """Others don't."""
    old = Answer(200, (("Expires", "-1"), ("Date", "today")), b"")
    new = Answer(200, (("Date", "tomorrow"),), b"")

    assert explain(old, new, ComparedHeaders(("Expires",))) == [
        Difference(Kind.HEADER, "Expires", "-1", None)
    ]


def test_the_same_bytes_are_never_explained() -> None:
    """Whatever they are."""
    assert explain(_answer(b"\xff{"), _answer(b"\xff{")) == []


def test_deep_nesting_is_malformed_not_a_crash() -> None:
    """A hostile body can't end a run."""
    assert _named(_answer("{}"), _answer("[" * 10_000)) == [("malformed", "body")]
    assert _named(_answer("<a/>", _XML), _answer("<a>" * 10_000, _XML)) == [("malformed", "body")]


def test_another_document_has_not_ever_more_differences() -> None:
    """They would fill a report, and say nothing more."""
    many = ",".join(f'"a{number}":1' for number in range(5_000))

    assert len(explain(_answer("{}"), _answer(f"{{{many}}}"))) == 200


_WIDE = {
    "elements": (_XML, "<r>" + "<a/>" * 7_900 + "</r>"),
    "too many elements": (_XML, "<r>" + "<a/>" * 200_000 + "</r>"),
    "members": (_JSON, "{" + ",".join(['"a":1'] * 9_000) + "}"),
    "numbered members": (_JSON, "{" + ",".join(['"a[2]":1,"a":2'] * 4_500) + "}"),
    "too many items": (_JSON, "[" + "1," * 400_000 + "1]"),
    "nested text": (_JSON, "[" * 100 + '"' + "x" * 900_000 + '"' + "]" * 100),
    "prefixes": (
        _XML,
        f"<r {' '.join(f'xmlns:p{n}={chr(34)}u{chr(34)}' for n in range(30_000))}>"
        + '<a xmlns:q="u"/>' * 9_000
        + "</r>",
    ),
    "attributes": (_XML, f"<r {' '.join(f'a{n}={chr(34)}{chr(34)}' for n in range(80_000))}/>"),
    "unclosed string": (_JSON, '{"a":"' + "x" * 900_000),
    "escapes": (_JSON, '{"a":"' + "\\n" * 450_000 + '"}'),
    "references": (_XML, "<r>" + "&amp;" * 190_000 + "</r>"),
    "digits": (_XML, "<r>" + "1" * 900_000 + "x</r>"),
    "number": (_JSON, '{"a":' + "1" * 900_000 + "}"),
    "exponent": (_JSON, '{"a":1e' + "9" * 900_000 + "}"),
    "bytes of another charset": (
        _XML,
        "<r>" + "<a>\u00fc</a>" * 4_900 + "x" * 800_000 + "</r>",
    ),
    "text of another charset": (_JSON, '{"a":"' + "\u00fc" * 440_000 + '"}'),
    "marks": (_JSON, '{"a":"x' + "\u0301\u0327" * 220_000 + '"}'),
    "hidden marks": (_JSON, '{"a":"x' + "\u0f73" * 290_000 + '"}'),
    "blanks": (_XML, "<r" + " " * 900_000 + "x></r>"),
    "comments": (_XML, "<!---->" * 9_000 + "<r"),
}


@pytest.mark.parametrize("name", _WIDE)
def test_a_hostile_document_is_explained_in_time(name: str) -> None:
    """The work grows with its size, not with the square of it; so does masking it."""
    content_type, body = _WIDE[name]
    found = _answer(body, content_type)
    changed = _answer(body.replace("x", "y").replace("1", "2") + " ", content_type)
    plain = _answer("{}" if content_type == _JSON else "<r/>", content_type)
    started = time.monotonic()

    latin = replace(found, body=body.encode("latin-1", "replace"))
    differences = [explain(plain, found), explain(found, changed)]
    differences += [explain(found, latin)] if latin.body != found.body else []
    Mask(("a",))(found)

    assert all(differences)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("marks", "kind"),
    [(1, "Unicode normalization"), (30, "Unicode normalization"), (31, "other value")],
)
def test_normal_forms_are_named_where_marks_are_not_without_end(marks: int, kind: str) -> None:
    """No language puts more than a few on one letter; a long text may hold many letters."""
    text = "e\u0301" * 3_000 + "e" + "\u0301" * marks

    found = _named(_answer(f'{{"a":"{text}"}}'), _answer(f'{{"a":"{normalize("NFC", text)}"}}'))

    assert found == [(kind, "a")]


@pytest.mark.parametrize(
    "charset",
    ["hex", "zip", "idna", "rot13", "a\0b", "none", "unicode_escape", "\u00fc", "x" * 9999],
)
def test_an_absurd_charset_is_named(charset: str) -> None:
    """Its bytes are read as UTF-8; what is in them differs as usual."""
    content_type = f"application/json; charset={charset}"
    named = _named(_answer('{"a":1}'), _answer('{"a":2}', content_type))

    assert named == [("charset", "Content-Type"), ("other value", "a")]
    assert _named(_answer('{"a":"\u00fc"}', content_type), _answer(b'{"a":"\xff"}', content_type))
    assert Mask(("a",))(_answer('{"a":"\u00fc"}', content_type)).body.startswith(b'{"a":"')


def test_a_charset_without_the_tokens_letters_is_masked() -> None:
    """A token has letters that Cyrillic has not."""
    answer = _answer('{"a":"\u044f"}'.encode("cp1251"), "application/json; charset=windows-1251")

    assert Mask(("a",))(answer).body != answer.body
