"""A server that speaks as much TDS, SQL Server's protocol, as a driver needs for a query.

It answers each batch of SQL with the rows that a function gives for it, encoded as [MS-TDS] 7.4
says. It knows no SQL.
"""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Encode = Callable[[Any], bytes]


@dataclass(frozen=True)
class Type:
    """A column's type: its description on the wire, and how a value that is not null goes."""

    info: bytes
    encode: Encode
    null: bytes = b"\0"


_COLLATION = b"\x09\x04\xd0\x00\x34"


def _short(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw


def _text(raw: bytes) -> bytes:
    return struct.pack("<H", len(raw)) + raw


def _days(date: Any) -> bytes:
    since: int = date.toordinal() - 1
    return since.to_bytes(3, "little")


def decimal(precision: int, scale: int) -> Type:
    """decimal(p,s)."""

    def encode(value: Decimal) -> bytes:
        unscaled = int(value.scaleb(scale))
        return _short(bytes([unscaled >= 0]) + abs(unscaled).to_bytes(8, "little"))

    return Type(bytes([0x6A, 9, precision, scale]), encode)


def nvarchar(length: int) -> Type:
    """nvarchar(n)."""
    info = b"\xe7" + struct.pack("<H", length * 2) + _COLLATION
    return Type(info, lambda value: _text(value.encode("utf-16-le")), b"\xff\xff")


def nchar(length: int) -> Type:
    """nchar(n), which is sent with its blanks."""
    info = b"\xef" + struct.pack("<H", length * 2) + _COLLATION
    return Type(info, lambda value: _text(value.ljust(length).encode("utf-16-le")), b"\xff\xff")


def varchar(length: int) -> Type:
    """varchar(n)."""
    info = b"\xa7" + struct.pack("<H", length) + _COLLATION
    return Type(info, lambda value: _text(value.encode("latin-1")), b"\xff\xff")


INT = Type(b"\x26\x04", lambda value: _short(struct.pack("<i", value)))
BIT = Type(b"\x68\x01", lambda value: _short(bytes([value])))
FLOAT = Type(b"\x6d\x08", lambda value: _short(struct.pack("<d", value)))


def _datetime2(value: tuple[Any, int]) -> bytes:
    """A date and the 100 ns since its midnight."""
    date, ticks = value
    return _short(ticks.to_bytes(5, "little") + _days(date))


def _offset(value: tuple[Any, int, int]) -> bytes:
    """A date, the 100 ns since its midnight, both in UTC, and minutes."""
    date, ticks, minutes = value
    return _short(ticks.to_bytes(5, "little") + _days(date) + struct.pack("<h", minutes))


BIGINT = Type(b"\x26\x08", lambda value: _short(struct.pack("<q", value)))
REAL = Type(b"\x6d\x04", lambda value: _short(struct.pack("<f", value)))
MONEY = Type(b"\x6e\x08", lambda value: _short(struct.pack("<iI", value >> 32, value % 2**32)))
"""money, of its ten thousandths."""
GUID = Type(b"\x24\x10", _short)
DATE = Type(b"\x28", lambda value: _short(_days(value)))
DATETIME = Type(b"\x6f\x08", lambda value: _short(struct.pack("<iI", *value)))
"""datetime, of the days since 1900 and the 300ths of a second since midnight."""
DATETIMEOFFSET = Type(b"\x2b\x07", _offset)
"""datetimeoffset(7)."""
DATETIME2 = Type(b"\x2a\x07", _datetime2)
"""datetime2(7), of a date and the 100 ns since its midnight."""

Result = tuple[Sequence[tuple[str, Type]], Sequence[Sequence[Any]]]
"""Columns, and rows."""


def _done(status: int = 0, count: int = 0) -> bytes:
    return b"\xfd" + struct.pack("<HHQ", status, 0, count)


def _encoded(result: Result) -> bytes:
    columns, rows = result
    sent = b"\x81" + struct.pack("<H", len(columns))
    for name, kind in columns:
        sent += struct.pack("<IH", 0, 9) + kind.info + bytes([len(name)]) + name.encode("utf-16-le")
    for row in rows:
        sent += b"\xd1"
        for value, (_, kind) in zip(row, columns, strict=True):
            sent += kind.null if value is None else kind.encode(value)
    return sent + _done(0x10, len(rows))


def error(number: int, message: str) -> bytes:
    """Return what the server says when it refuses a batch."""
    text = message.encode("utf-16-le")
    body = struct.pack("<iBBH", number, 1, 16, len(message)) + text + b"\0\0" + struct.pack("<I", 1)
    return b"\xaa" + _text(body) + _done(2)


_NAME = "Microsoft SQL Server"
_LOGIN = (
    b"\x01\x74\x00\x00\x04" + bytes([len(_NAME)]) + _NAME.encode("utf-16-le") + b"\x0f\x00\x07\xd0"
)
# Version, and that there is no encryption.
_PRELOGIN = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + b"\x0f\x00\x07\xd0\x00\x00" + b"\x02"


class _Session(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Answer until the client goes."""
        answer = self.server.answer  # type: ignore[attr-defined]
        while (received := self._receive()) is not None:
            kind, body = received
            if kind == 0x12:
                self._send(_PRELOGIN)
            elif kind == 0x10:
                self._send(b"\xad" + _text(_LOGIN) + _done())
            elif kind == 0x01:
                headers = struct.unpack_from("<I", body)[0]
                found = answer(body[headers:].decode("utf-16-le"))
                self._send(found if isinstance(found, bytes) else _encoded(found))
            else:
                self._send(_done(0x20))

    def _receive(self) -> tuple[int, bytes] | None:
        body = b""
        while True:
            head = self._exactly(8)
            if head is None:
                return None
            kind, status, length = struct.unpack_from(">BBH", head)
            body += self._exactly(length - 8) or b""
            if status & 1:
                return kind, body

    def _exactly(self, size: int) -> bytes | None:
        got = b""
        while len(got) < size:
            part = self.request.recv(size - len(got))
            if not part:
                return None
            got += part
        return got

    def _send(self, body: bytes) -> None:
        self.request.sendall(struct.pack(">BBHHBB", 4, 1, len(body) + 8, 0, 1, 0) + body)


@contextmanager
def server(answer: Callable[[str], Result | bytes]) -> Iterator[int]:
    """Serve until the block ends; gives the port. ``answer`` gets each batch."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), _Session) as running:
        running.answer = answer  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield running.server_address[1]
        finally:
            running.shutdown()
            thread.join()
