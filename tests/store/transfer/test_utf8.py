"""What Windows writes is read: UTF-16 with a byte-order mark, in every form."""

import codecs
import io
import json

import pytest

from app.host.actions import CHARGE_PROCESS
from app.host.data_contracts import data_contract
from app.server import demo
from app.store.store import Stored
from app.store.transfer import records, utf8
from app.store.transfer.record_error import RecordError
from app.webapi.formatter import MediaTypeFormatter
from app.webapi.negotiation import JSON, XML
from schemas.charge_process import ChargeProcess
from tests import truth

_ROWS = demo.processes()
_LINES = "".join(map(records.writer(CHARGE_PROCESS), _ROWS)).replace("\n", "\r\n")
_XML = XML.write(data_contract(ChargeProcess), _ROWS[1][1:]).decode()
_ENCODINGS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def _read(content: bytes, asked: int | None = None) -> list[Stored]:
    stream = io.BufferedReader(io.BytesIO(content))
    return list(records.read(stream, "file", CHARGE_PROCESS, asked))


def _marked(text: str, encoding: str) -> bytes:
    return _ENCODINGS[encoding] + text.encode(encoding)


@pytest.mark.parametrize("encoding", _ENCODINGS)
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (_LINES, _ROWS),
        (f"[{_LINES.strip().replace(chr(10), chr(10) + ',')}]", _ROWS),
        (json.dumps(json.loads(_LINES.splitlines()[1]), indent=2), _ROWS[1:2]),
        (f'<?xml version="1.0" encoding="utf-16"?>{_XML}', [_ROWS[1]]),
        (_XML, [_ROWS[1]]),
        ("", []),
    ],
    ids=["lines", "array", "object", "declared XML", "XML", "nothing"],
)
def test_utf16_with_a_mark_is_read(encoding: str, text: str, rows: list[Stored]) -> None:
    """Of both orders of bytes, as PowerShell's ``>`` and .NET's Encoding.Unicode write it."""
    assert _read(_marked(text, encoding), asked=2) == rows


@pytest.mark.parametrize("formatter", [JSON, XML])
def test_a_captured_utf16_answer_is_read(formatter: MediaTypeFormatter) -> None:
    """As the service itself sends it for Accept-Charset: utf-16."""
    body = formatter.write(data_contract(ChargeProcess), _ROWS[2][1:], "utf-16")

    assert [row[0] for row in _read(body, asked=3)] == [3]


@pytest.mark.parametrize("size", [4, 5, 64])
def test_characters_may_be_cut_anywhere(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """By the parts in which a file is read."""
    monkeypatch.setattr(utf8, "_CHUNK", size)
    lines = truth.PROCESSES.read_text(encoding="utf-8").splitlines(keepends=True)[:40]
    text = "".join(json.dumps(json.loads(line), ensure_ascii=False) + "\n" for line in lines)

    assert _read(_marked(text, "utf-16-le")) == _read(text.encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_LINES.encode("utf-16-le"), "file:1: looks like UTF-16 without a byte-order mark"),
        (_XML.encode("utf-16-be"), "file:1: looks like UTF-16 without a byte-order mark"),
        (_LINES.encode("utf-32"), "file:1: is UTF-32: save it as UTF-8"),
        (_marked(_LINES, "utf-16-le") + b"\0", "file:5: is not UTF-16: byte "),
        (_marked("\n\n[", "utf-16-be") + b"\xd8\0\0a", "file:3: is not UTF-16: byte 9"),
        (_marked(_LINES + "x", "utf-16-le"), "file:5: is not JSON: Expecting value at column 1"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, said: str) -> None:
    """With its line, and what the file looks like."""
    with pytest.raises(RecordError) as raised:
        _read(content, asked=1)

    assert str(raised.value).startswith(said)
