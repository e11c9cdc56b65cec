"""Files of processes are read whole or refused with file, line, member and reason."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given

from app.host.actions import CHARGE_PROCESS
from app.host.data_contracts import data_contract
from app.server import demo
from app.store.store import Stored
from app.store.transfer import json_stream, records
from app.store.transfer.record_error import RecordError
from app.webapi.negotiation import XML
from schemas.charge_process import ChargeProcess
from tests import truth
from tests.strategies import INT32, PROCESSES

LINE = records.writer(CHARGE_PROCESS)

_STORED = demo.processes()
_LINE = LINE(_STORED[0])


def _read(content: bytes | str, user_id: int | None = None) -> list[Stored]:
    raw = content.encode() if isinstance(content, str) else content
    stream = io.BufferedReader(io.BytesIO(raw))
    return list(records.read(stream, "file", CHARGE_PROCESS, user_id))


def _xml(stored: Stored, charset: str = "utf-8") -> bytes:
    return XML.write(data_contract(ChargeProcess), stored[1:], charset)


def test_lines_come_back_byte_for_byte() -> None:
    """What was captured is written again as it was."""
    content = truth.PROCESSES.read_bytes()

    assert "".join(map(LINE, _read(content))).encode() == content


@given(INT32, PROCESSES)
def test_any_process_survives_a_line(user_id: int, process: dict[str, object]) -> None:
    """Written and read, it is the same."""
    stored = (user_id, *ChargeProcess.row(process))

    assert _read(LINE(stored)) == [stored]


@pytest.mark.parametrize(
    "content",
    [
        _LINE,
        "\ufeff" + _LINE,
        "\r\n  \n" + _LINE + "\n\n",
        f"[{_LINE}]",
        f"\n [\n {_LINE},\n{_LINE.strip()} ]\n",
        json.dumps(json.loads(_LINE)),
        json.dumps(json.loads(_LINE), indent=2),
        "\ufeff" + f"\n{json.dumps(json.loads(_LINE), indent=4)}\r\n" * 2,
        " " * 70_000 + "\n" + _LINE,
    ],
    ids=[
        *("line", "mark", "blank lines", "array", "array of two", "spaced"),
        *("object", "objects", "long blank line"),
    ],
)
def test_json_is_read_in_its_forms(content: str) -> None:
    """Lines and arrays, with blanks and a byte-order mark."""
    found = _read(content)

    assert {*found} == {_STORED[0]}


def test_an_empty_file_holds_nothing() -> None:
    """No line, no process."""
    assert _read("") == _read("[]") == []


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
@pytest.mark.parametrize("stored", _STORED, ids=lambda stored: str(stored[0]))
def test_a_captured_xml_answer_is_read(stored: Stored, charset: str) -> None:
    """Both charsets, nulls and all types."""
    assert _read(_xml(stored, charset), user_id=stored[0]) == [stored]


def test_characters_that_xml_forbids_are_read() -> None:
    """.NET's references to them, and the private mark that carries them through the parser."""
    text = "\0\x01\x0b\x1f\ufffe\uffff\uf8ff\uf8ffA;&#x1;"
    members = list(_STORED[0])
    members[list(ChargeProcess.members()).index("station_name") + 1] = text

    assert _read(_xml(tuple(members)), user_id=1) == [tuple(members)]


def test_recorded_xml_answers_are_read() -> None:
    """Each captured answer gives the process that the store held, line breaks as XML has them."""
    held = {stored[0]: stored for stored in _read(truth.PROCESSES.read_bytes())}
    for item in truth.recordings():
        if item.tag != "value-xml":
            continue
        user_id = int(item.target.partition("=")[2])

        found = _read(item.answer.body, user_id)

        assert found == [tuple(map(_one_line_end, held[user_id]))]


def _one_line_end(value: Any) -> Any:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def _changed(**changes: object) -> str:
    return json.dumps({**json.loads(_LINE), **changes})


def _without(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(_LINE).items() if key != name})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_LINE + "{", "file:2: is not JSON: "),
        (_LINE + "7", "file:2: must be an object"),
        (_changed(price="x"), "file:1: price: must be a decimal number, not 'x'"),
        (_changed(price=1e300), "file:1: price: must have a value within System.Decimal's"),
        (_changed(active=1), "file:1: active: must be true or false, not 1"),
        (_changed(process_id=2**31), "file:1: process_id: must be from "),
        (_changed(process_id=None), "file:1: process_id: must not be null"),
        (_changed(user_id="1"), "file:1: user_id: must be a whole number, not '1'"),
        (_changed(station_name="\ud800"), "file:1: station_name: must not hold a lone surrogate"),
        (_changed(end_date="2025-02-30T00:00:00"), "file:1: end_date: must be a day"),
        (_changed(extra=1), "file:1: extra: is not a member"),
        (_without("price"), "file:1: price: is missing"),
        (_without("user_id"), "file:1: user_id: is missing"),
        ('{"a":1,"a":2}', "file:1: a: stands twice"),
        ('{"a":NaN}', "file:1: NaN is not a JSON number"),
        ('{"a":' + "9" * 5000 + "}", "file:1: "),
        ('{"a":1e99999999999999999999}', "file:1: holds a number with an exponent beyond"),
        ("[" * 100_000, "file:1: "),
        ('{"a":"b', "file:1: is not JSON: Unterminated string starting at column 6"),
        ('{"a":"b\n"}', "file:1: is not JSON: Invalid control character at column 8"),
        ('{\n "a": 1\n "b"}', "file:3: is not JSON: Expecting ',' delimiter at column 2"),
        ('{\n"a":\n1}7', "file:1: user_id: is missing"),
        ('[\n{"user_id":1},\n\n5]', "file:2: process_id: is missing"),
        (f"[{_LINE},\n\n5]", "file:4: must be an object with the members of ChargeProcess"),
        ("null", "file:1: holds no value: the answer is null"),
        (_changed(**{"\x1b[31m\ud800ş": 1}), r"file:1: \x1b[31m\ud800ş: is not a member"),
        ('{"\\n":1,"\\n":2}', r"file:1: \n: stands twice"),
        (_LINE.encode() + b"\xff\n", "file:2: is not UTF-8: byte 1"),
        (f"[{_LINE},\n{_changed(price=True)}]", "file:3: price: must be"),
        (f"[{_LINE}", "file:2: is not JSON"),
        (
            f"[{_LINE},\n {{]",
            "file:3: is not JSON: Expecting property name enclosed in double quotes at column 3",
        ),
        (f"[{_LINE} {_LINE}]", "file:2: is not JSON: Expecting ',' or ']' at column 2"),
        (f"[{_LINE},]", "file:2: is not JSON: Expecting value at column 2"),
        ("[]\n []", "file:2: is not JSON: Extra data at column 2"),
        (f'[{_LINE},\n{{"a":1,"a":2}}]', "file:3: a: stands twice"),
        (f"\ufeff[{_LINE}".encode() + b"\xff]", f"file:2: is not UTF-8: byte {len(_LINE) + 5}"),
    ],
)
def test_bad_json_is_refused(content: bytes | str, said: str) -> None:
    """The error names file, line, member and reason."""
    with pytest.raises(RecordError) as raised:
        _read(content)

    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_xml_needs_a_user() -> None:
    """An answer doesn't say whose it is."""
    with pytest.raises(RecordError, match="give --user-id"):
        _read(_xml(_STORED[0]))


def test_lines_are_read_one_by_one() -> None:
    """A good line is there before the bad one is reached."""
    stream = io.BufferedReader(io.BytesIO((_LINE + "{").encode()))
    found: Iterable[Stored] = records.read(stream, "file", CHARGE_PROCESS)

    assert next(iter(found)) == _STORED[0]


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1 << 16])
def test_an_array_is_read_in_parts(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Wherever its parts end: in a number, an escape, a character or between elements."""
    monkeypatch.setattr(json_stream, "_CHUNK", size)
    content = truth.PROCESSES.read_text(encoding="utf-8").strip()
    spaced = json.dumps([json.loads(content.partition("\n")[0])], indent=1, ensure_ascii=False)
    processes = _read(content)[:40]
    array = ",\n".join(LINE(stored) for stored in processes)

    assert _read(f"[{array}]") == processes
    assert _read(spaced) == processes[:1]
    with pytest.raises(RecordError, match=r"^file:81: must be an object"):
        _read(f"[{array},\n12345]")


def test_no_more_of_an_array_is_held_than_a_part() -> None:
    """The rest of the file is not read before it is needed."""
    stream = io.BufferedReader(io.BytesIO(f"[{','.join([_LINE] * 1000)}]".encode()))

    assert next(iter(records.read(stream, "file", CHARGE_PROCESS))) == _STORED[0]
    assert stream.tell() < 1 << 17


def test_nul_is_refused_where_the_store_cant_hold_it() -> None:
    """With file, line and member."""
    made = json.loads(LINE(_STORED[0]))
    lines = "".join(json.dumps({**made, "company_name": name}) + "\n" for name in ("a", "a\0b"))

    def read(nul: bool) -> list[Stored]:
        return list(
            records.read(
                io.BufferedReader(io.BytesIO(lines.encode())), "file", CHARGE_PROCESS, None, nul
            )
        )

    assert len(read(nul=True)) == 2
    with pytest.raises(RecordError, match=r"^file:2: company_name: holds U\+0000"):
        read(nul=False)
