"""Json.NET's and DataContractSerializer's bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.webapi.data_contract import ClrType, DataContract, DataMember
from app.webapi.http_error import HttpError
from app.webapi.negotiation import JSON, XML

_NAMESPACE = "http://schemas.datacontract.org/2004/07/N"
_XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'


def _contract(*types: ClrType) -> DataContract:
    """Members b, a, d, c, ... of these types, so that ordinal order differs from declared."""
    names = "badcfehg"
    members = tuple(DataMember(names[at], kind) for at, kind in enumerate(types))
    return DataContract("Thing", _NAMESPACE, members)


_TEXT = _contract(ClrType.STRING)


@pytest.mark.parametrize(
    ("kind", "value", "in_json", "in_xml"),
    [
        (ClrType.INT32, -7, "-7", "-7"),
        (ClrType.BOOLEAN, True, "true", "true"),
        (ClrType.BOOLEAN, 0, "false", "false"),
        (ClrType.DECIMAL, "11", "11.0", "11"),
        (ClrType.DECIMAL, "11.50", "11.50", "11.50"),
        (ClrType.DECIMAL, "-0.000", "-0.000", "-0.000"),
        (ClrType.DATE_TIME, "0001-01-01T00:00:00", '"0001-01-01T00:00:00"', "0001-01-01T00:00:00"),
        (ClrType.STRING, "", '""', ""),
        (ClrType.STRING, "a/'<>\x7f", '"a/\'<>\x7f"', "a/'&lt;&gt;\x7f"),
        (ClrType.STRING, '"\\&', '"\\"\\\\&"', '"\\&amp;'),
        (ClrType.STRING, "\b\t\f", '"\\b\\t\\f"', "&#x8;\t&#xC;"),
        (ClrType.STRING, "\0\x1f", '"\\u0000\\u001f"', "&#x0;&#x1F;"),
        (ClrType.STRING, "a\nb\rc\r\nd", '"a\\nb\\rc\\r\\nd"', "a\r\nb\r\nc\r\nd"),
        (
            ClrType.STRING,
            "\x85\u2028\u2029",
            '"\\u0085\\u2028\\u2029"',
            "\x85\u2028\u2029",
        ),
        (ClrType.STRING, "\ufffe\uffffş🔌", '"\ufffe\uffffş🔌"', "&#xFFFE;&#xFFFF;ş🔌"),
    ],
)
def test_a_value_is_written(kind: ClrType, value: int | str, in_json: str, in_xml: str) -> None:
    """Each type has its text in both formats."""
    contract = _contract(kind)

    assert JSON.write(contract, (value,)).decode() == f'{{"b":{in_json}}}'
    assert XML.write(contract, (value,)).decode() == (
        f'<Thing {_XSI} xmlns="{_NAMESPACE}"><b>{in_xml}</b></Thing>'
    )


@pytest.mark.parametrize("kind", list(ClrType))
def test_a_null_member_is_written(kind: ClrType) -> None:
    """A null is null or nil, whatever its type."""
    contract = _contract(kind)

    assert JSON.write(contract, (None,)) == b'{"b":null}'
    assert b'<b i:nil="true" />' in XML.write(contract, (None,))


def test_members_are_ordered() -> None:
    """JSON keeps declared order, XML goes by name."""
    contract = _contract(ClrType.INT32, ClrType.INT32, ClrType.INT32)

    assert JSON.write(contract, (1, 2, 3)) == b'{"b":1,"a":2,"d":3}'
    assert b"<a>2</a><b>1</b><d>3</d>" in XML.write(contract, (1, 2, 3))


def test_a_null_value_is_written() -> None:
    """No value is null, or a nil root with its namespaces last."""
    assert JSON.write(_TEXT, None) == b"null"
    assert XML.write(_TEXT, None).decode() == (
        f'<Thing i:nil="true" {_XSI} xmlns="{_NAMESPACE}" />'
    )


def test_utf_16_has_a_mark() -> None:
    """UTF-16 is little-endian, with a mark."""
    assert JSON.write(_TEXT, None, "utf-16") == b"\xff\xfen\0u\0l\0l\0"


def test_percent_signs_are_text() -> None:
    """A value's percent sign is no template's."""
    assert JSON.write(_TEXT, ("%s%d%%",)) == b'{"b":"%s%d%%"}'


@pytest.mark.parametrize(
    ("detail", "included", "in_json", "in_xml"),
    [
        (None, True, '{"Message":"m"}', "<Error><Message>m</Message></Error>"),
        ("d", False, '{"Message":"m"}', "<Error><Message>m</Message></Error>"),
        (
            "d",
            True,
            '{"Message":"m","MessageDetail":"d"}',
            "<Error><Message>m</Message><MessageDetail>d</MessageDetail></Error>",
        ),
    ],
)
def test_an_error_is_written(detail: str | None, included: bool, in_json: str, in_xml: str) -> None:
    """An HttpError has no namespace, and its detail only for those who may see it."""
    contract, row = HttpError("m", detail).value(included)

    assert JSON.write(contract, row).decode() == in_json
    assert XML.write(contract, row).decode() == in_xml


_ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_XML_TEXT = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters="\r\ufffe\uffff" + "".join(map(chr, {*range(32)} - {9, 10})),
    )
)


@given(_ANY_TEXT)
def test_any_text_survives_json(text: str) -> None:
    """A JSON parser reads back what was written."""
    assert json.loads(JSON.write(_TEXT, (text,))) == {"b": text}


@given(_XML_TEXT)
def test_any_text_that_xml_allows_survives_xml(text: str) -> None:
    """An XML parser reads back what was written, line breaks as XML normalises them."""
    root = etree.fromstring(XML.write(_TEXT, (text,)))

    assert (root[0].text or "") == text
