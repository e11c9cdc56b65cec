"""Values become tokens of their shape."""

import json

import pytest

from app.parity.masking import Mask
from app.parity.recording import Answer

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


def test_what_cant_be_read_is_not_kept() -> None:
    """The members can't be found in it, so none of it is written."""
    assert _masked('{"a":"secret', "a") == ""
