"""Values become tokens of their shape."""

import gzip
import json
from dataclasses import replace
from string import ascii_letters

import pytest

from app.parity.difference import Kind
from app.parity.explain import explain
from app.parity.masking import Mask
from app.parity.recording import Answer, Headers

_JSON = (("Content-Type", "application/json; charset=utf-8"),)
_XML = (("Content-Type", "text/xml; charset=utf-8"),)


def _masked(text: str, *members: str, xml: bool = False, key: bytes = b"k") -> str:
    answer = Answer(200, _XML if xml else _JSON, text.encode())
    return Mask(members, key)(answer).body.decode()


def test_a_text_keeps_its_shape() -> None:
    """Letters stay letters of their case, digits digits, the rest as it is."""
    token = json.loads(_masked('{"name":"Kad 12-bX","price":3}', "name"))

    shape = [
        "A" if c.isupper() else "a" if c.isalpha() else "1" if c.isdigit() else c
        for c in token["name"]
    ]
    assert "".join(shape) == "Aaa 11-aA"
    assert token["name"] != "Kad 12-bX"
    assert token["price"] == 3


@pytest.mark.parametrize("written", ['"\u0131x"', '"\\u0131x"'])
def test_an_escape_stays_one(written: str) -> None:
    """How a letter is written can still be compared."""
    token = _masked(f'{{"a":{written}}}', "a")

    assert ("\\u" in token) == ("\\u" in written)
    assert json.loads(token) == json.loads(_masked('{"a":"\u0131x"}', "a"))


def test_one_value_gets_one_token_in_every_form() -> None:
    """11 in XML and 11.0 in JSON stay the same number; another key gives another token."""
    of_json = json.loads(_masked('{"a":4711.0}', "a"))["a"]
    of_xml = _masked("<r><a>4711</a></r>", "a", xml=True)

    assert of_json == float(of_xml.removeprefix("<r><a>").removesuffix("</a></r>"))
    assert of_json != 4711
    assert of_json != json.loads(_masked('{"a":4711.0}', "a", key=b"other"))["a"]


def test_a_date_stays_a_date() -> None:
    """With its zone and as many digits."""
    token = json.loads(_masked('{"a":"2025-12-06T07:19:38.3037942+03:00"}', "a"))["a"]

    assert len(token) == len("2025-12-06T07:19:38.3037942+03:00")
    assert token.endswith("+03:00")
    assert 1 <= int(token[5:7]) <= 12
    assert 1 <= int(token[8:10]) <= 28
    assert token != "2025-12-06T07:19:38.3037942+03:00"


def test_null_and_nil_stay() -> None:
    """That a value is missing is shape."""
    xml = '<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="true" /></r>'

    assert _masked('{"a":null}', "a") == '{"a":null}'
    assert _masked(xml, "a", xml=True) == xml


def test_a_boolean_becomes_false() -> None:
    """Two values can't be tokens."""
    assert _masked('{"a":true,"b":true}', "a") == '{"a":false,"b":true}'


def test_utf16_stays_utf16() -> None:
    """With its mark."""
    body = b"\xff\xfe" + '{"a":"xyz"}'.encode("utf-16-le")
    answer = Answer(200, (("Content-Type", "application/json; charset=utf-16"),), body)

    masked = Mask(("a",))(answer).body

    assert len(masked) == len(body)
    assert masked[:2] == b"\xff\xfe"
    assert "xyz" not in masked.decode("utf-16")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"a":"Alice'),
        ("application/json", b'{"a":"\xffAlice"}'),
        ("application/json", b'{"a":{"de":"Alice"}}'),
        ("application/json", b'{"a":["Alice"]}'),
        ("application/xml", b"<r><a>Alice<b/></a></r>"),
        ("application/xml", b"<r><a>\xffAlice</a></r>"),
        ("application/xml", b'<r><a x="Alice">B</a></r>'),
        (
            "application/xml",
            b'<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="1">Alice</a></r>',
        ),
        ("text/plain", b"a: Alice"),
        ("text/html", b"<p>Alice</p>"),
    ],
)
def test_one_token_takes_the_place_of_a_body_without_plain_values(
    content_type: str, body: bytes
) -> None:
    """None of it is written, and another body has another token."""
    answer = Answer(200, (("Content-Type", content_type),), body)
    other = replace(answer, body=body.replace(b"Alice", b"Alica"))
    mask = Mask(("a",))

    assert b"Alic" not in mask(answer).body
    assert mask(answer).body.startswith(b"masked ")
    assert [item.kind for item in explain(mask(answer), mask(other))] == [Kind.BODY]


@pytest.mark.parametrize("named", [(), (("Content-Encoding", "gzip"),)])
def test_what_gzip_holds_is_masked(named: Headers) -> None:
    """It is compressed again, so that the encoding can still be compared."""
    mask = Mask(("a",))

    def packed(body: bytes, level: int) -> Answer:
        return mask(Answer(200, (*_JSON, *named), gzip.compress(body, level)))

    masked = packed(b'{"a":"Alice","b":1}', 9)
    text = gzip.decompress(masked.body)

    assert b"Alice" not in text
    assert text.endswith(b',"b":1}')
    assert explain(masked, packed(b'{"a":"Alice","b":1}', 1)) == []
    (found,) = explain(masked, packed(b'{"a":"Alice","b":2}', 1))
    assert (found.kind, found.where) == (Kind.OTHER_VALUE, "b")
    assert explain(packed(b"Alice", 9), packed(b"Alice", 1)) == []
    assert [item.kind for item in explain(packed(b"Alice", 9), masked)] == [Kind.BODY]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"Alice", "br"), (gzip.compress(b'{"a":"Alice"}', mtime=0)[:-8], "gzip")],
)
def test_what_cant_be_decoded_has_one_token(body: bytes, encoding: str) -> None:
    """It is the same only as its own bytes."""
    answer = Answer(200, (*_JSON, ("Content-Encoding", encoding)), body)
    mask = Mask(("a",))

    assert b"Alice" not in mask(answer).body
    assert explain(mask(answer), mask(answer)) == []
    assert explain(mask(answer), mask(replace(answer, body=body + b"x")))


@pytest.mark.parametrize(
    "value",
    [
        '"Alice 905551 since 2025-01-01T10:00:00"',
        '"2025-01-01T10:00:00 \\"Alice\\" 905551"',
        '"2025-01-01T10:00:00\\u002B03:00 Alice 905551"',
        '"R&Alice; \\u0041lice & 905551;"',
        '"C:\\\\Alice\\nAlice 905551"',
        '"\\ud835\\udc00lice 905551"',
    ],
)
def test_no_letter_or_digit_of_a_text_stays_in_its_place(value: str) -> None:
    """Whatever stands around it, and however it is written."""
    token = json.loads(_masked(f'{{"a":{value}}}', "a"))["a"]

    assert "lice" not in token
    assert "905551" not in token
    assert len(token) == len(json.loads(value))


def test_no_letter_of_an_element_stays_in_its_place() -> None:
    """Neither behind a backslash nor in CDATA."""
    token = _masked("<r><a>\\Al<![CDATA[ice &Alice;]]>&#65;lice</a></r>", "a", xml=True)

    assert "lice" not in token.lower()
    assert token.startswith("<r><a>\\")
    assert "<![CDATA[" in token


def test_a_date_has_one_token_in_every_form() -> None:
    """An escape stays one."""
    plain = _masked('{"a":"2025-01-01T10:00:00+03:00"}', "a")
    escaped = _masked('{"a":"2025-01-01T10:00:00\\u002B03:00"}', "a")

    assert "2025-01-01T10:00:00" not in escaped
    assert "\\u002B" in escaped
    assert json.loads(escaped) == json.loads(plain)


def test_a_number_with_an_exponent_stays_one() -> None:
    """It has the token of the same number."""
    token = _masked('{"a":1.5e3}', "a")

    assert token.endswith("e3}")
    assert json.loads(token)["a"] != 1500
    assert json.loads(token) == json.loads(_masked('{"a":1500.0}', "a"))


def test_a_name_in_another_convention_is_masked() -> None:
    """The difference in names is reported, with both values."""
    body = '{"stationName":"Alice","station-name":"Alice","STATION_NAME":"Alice"}'

    assert "Alice" not in _masked(body, "station_name")


@pytest.mark.parametrize(
    "values",
    [
        [f"{number}.0" for number in range(1, 1000)],
        [f"0.{number:03}" for number in range(1, 1000)],
        ["7922816251426433759354395033" + str(last) for last in range(10)],
        [f'"{first}{second}"' for first in ascii_letters for second in ascii_letters],
        [f'"{letter}"' for letter in ascii_letters],
    ],
)
@pytest.mark.parametrize("key", [b"chargecloud", b"other"])
def test_two_values_have_two_tokens(values: list[str], key: bytes) -> None:
    """A wrong number or a wrong text in ASCII is not the same as the right one."""
    tokens = {_masked(f'{{"a":{value}}}', "a", key=key) for value in values}

    assert len(tokens) == len(values)


def test_one_letter_or_digit_is_never_its_own_token() -> None:
    """Under no key."""
    for key in range(200):
        for value in ("7", '"x"', '"M"', '"\u00e9"'):
            assert value not in _masked(f'{{"b":{value}}}', "b", key=b"%d" % key)
