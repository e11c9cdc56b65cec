"""A captured XML answer is read whole or refused with file, line, member and reason."""

import pytest

from app.host.actions import CHARGE_PROCESS
from app.host.data_contracts import data_contract
from app.server import demo
from app.store.transfer.record_error import RecordError
from app.store.transfer.xml_answer import answer
from app.webapi.negotiation import XML
from schemas.charge_process import ChargeProcess

_ROW = demo.processes()[0][1:]
_GOOD = XML.write(data_contract(ChargeProcess), _ROW).decode()
_VALUE = dict(zip(ChargeProcess.members(), _ROW, strict=True))


def _read(content: str | bytes) -> dict[str, object]:
    raw = content.encode() if isinstance(content, str) else content
    return answer(raw, "file", CHARGE_PROCESS.contract)


def _price(text: str) -> str:
    return _GOOD.replace("<price>19<", f"<price>{text}<")


def _active(text: str) -> str:
    return _GOOD.replace("<active>true<", f"<active>{text}<")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-9"])
def test_a_declaration_changes_nothing(encoding: str) -> None:
    """The bytes are in UTF-8, for a file in UTF-16 has been recoded."""
    declared = f'<?xml version="1.0" encoding="{encoding}"?>\r\n{_GOOD}\n'

    assert _read(declared.replace("sample string 5", "Kadıköy")) == {
        **_VALUE,
        "station_name": "Kadıköy",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("1", True), (" 1\n", True), ("false", False), ("0", False)],
)
def test_a_boolean_is_an_xs_boolean(text: str, value: bool) -> None:
    """Four words, whose blanks count for nothing."""
    assert _read(_active(text)) == {**_VALUE, "active": value}


@pytest.mark.parametrize(
    ("text", "value"), [("true", None), ("1", None), ("0", "19"), (" 1 ", None)]
)
def test_nil_is_an_xs_boolean(text: str, value: str | None) -> None:
    """An element that is not nil has its text."""
    content = "" if value is None else value
    changed = _GOOD.replace("<price>19<", f'<price i:nil="{text}">{content}<')

    assert _read(changed) == {**_VALUE, "price": value}


def test_blanks_between_members_hold_nothing() -> None:
    """An editor may have put them there."""
    assert _read(_GOOD.replace("><", ">\r\n  <")) == _VALUE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_GOOD[:-9], f"file:1: is not XML: expected '>' at column {len(_GOOD) - 8}"),
        (_GOOD.encode() + b"\n\xff", f"file:2: is not UTF-8: byte {len(_GOOD.encode()) + 2}"),
        ("<a/>", "file:1: must be a ChargeProcess of http://schemas.datacontract.org/"),
        (XML.write(data_contract(ChargeProcess), None), "file:1: holds no value: the answer is"),
        (_price("+19"), "file:1: price: must have no plus sign, not '+19'"),
        (_price(" 19"), "file:1: price: must have no blanks around it, not ' 19'"),
        (_price("19&#xA0;"), "file:1: price: must have no blanks around it"),
        (_price("<b/>19"), "file:1: price: holds the element b"),
        (_price("1<!-- 2 -->9"), "file:1: price: holds a comment"),
        (_price("1<?a b?>9"), "file:1: price: holds a processing instruction"),
        (_price("&a;"), "file:1: price: is not XML: Entity 'a' not defined"),
        (_price("<!DOCTYPE a>"), "file:1: price: is not XML: "),
        (_price("<![CDATA[19]]>"), "file:1: holds a CDATA section"),
        (_GOOD.replace("<price>", '<price unit="EUR">'), "file:1: price: has the attribute unit"),
        (_GOOD.replace("<price>", '<price i:nil="yes">'), "file:1: price: must be true, false, 1"),
        (_GOOD.replace("<price>", '<price i:nil="1">'), "file:1: price: is nil and holds '19'"),
        (_GOOD.replace("<price>", '<price xmlns="a">'), "file:1: price: is not a member of"),
        (_GOOD.replace("<price>", "<price>1</price><price>"), "file:1: price: stands twice"),
        (_GOOD.replace("price>", "cost>"), "file:1: cost: is not a member of ChargeProcess"),
        (_GOOD.replace("<price>", "a<price>"), "file:1: payment_complete: has text behind it"),
        (_GOOD.replace("<active>", "a<active>"), "file:1: has text behind it: 'a'"),
        (_GOOD.replace("<price>", "\n<!-- a --><price>"), "file:2: a comment stands between"),
        (_GOOD + "\n<!-- a -->", "file:2: a comment stands outside the ChargeProcess"),
        (_active("yes"), "file:1: active: must be true, false, 1 or 0, not 'yes'"),
        (_GOOD.replace("_id>1<", "_id>+1<"), "file:1: process_id: must have no plus sign"),
        (_GOOD.replace("_id>1<", "_id>1.0<"), "file:1: process_id: must be a whole number"),
        (
            f"\n<!DOCTYPE a [<!ENTITY b SYSTEM '/etc/passwd'>]>{_price('&b;')}",
            "file:2: has a DTD, which no answer has",
        ),
    ],
)
def test_what_would_be_lost_or_guessed_is_refused(content: str | bytes, said: str) -> None:
    """The error names file, line, member and reason, in one line."""
    with pytest.raises(RecordError) as raised:
        _read(content)

    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_a_text_may_be_as_long_as_a_file() -> None:
    """libxml2 alone would refuse one of more than 10 MB."""
    long = "x" * 11_000_000

    assert _read(_GOOD.replace("sample string 5", long)) == {**_VALUE, "station_name": long}


def test_deep_elements_are_refused() -> None:
    """In one line, whatever their number."""
    deep = "<a>" * 1_000_000

    with pytest.raises(RecordError):
        _read(_GOOD.replace("sample string 5", deep))
