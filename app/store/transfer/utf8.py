"""Files in UTF-8, or in UTF-16 with a byte-order mark, as UTF-8."""

import codecs
from io import BufferedReader, RawIOBase
from typing import Any, Final

from app.store.transfer.record_error import RecordError

_CHUNK: Final = 1 << 16
_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UNMARKED: Final = "looks like UTF-16 without a byte-order mark: save it with one, or as UTF-8"


def utf8(stream: "BufferedReader[Any]", file: str) -> tuple[bytes, "BufferedReader[Any]"]:
    """Return the first bytes of a file and a stream of the others, both as UTF-8.

    The first bytes end at a line's end, or hold a part of it; UTF-8's own mark is kept.
    Raises RecordError for UTF-16 without a mark; the stream raises it for a wrong byte.
    """
    head = stream.readline(_CHUNK)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise RecordError(file, 1, "is UTF-32: save it as UTF-8")
    if head[:2] in _MARKS:
        recoded = BufferedReader(_Recoded(head, stream, _MARKS[head[:2]], file))
        return recoded.readline(_CHUNK), recoded
    if len(head) > 1 and head[:2].count(0) == 1:
        raise RecordError(file, 1, _UNMARKED)
    return head, stream


class _Recoded(RawIOBase):
    """A stream of UTF-16 as UTF-8; ``head`` has been read from it."""

    def __init__(
        self, head: bytes, stream: "BufferedReader[Any]", encoding: str, file: str
    ) -> None:
        self._stream = stream
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._line = 1
        self._read = 0
        self._left = self._recode(head).removeprefix(codecs.BOM_UTF8)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, none at the end."""
        while not self._left:
            read = self._stream.read(_CHUNK)
            self._left = self._recode(read)
            if not read:
                break
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    def _recode(self, read: bytes) -> bytes:
        self._read += len(read)
        try:
            text = self._decoder.decode(read, final=not read)
        except UnicodeDecodeError as error:
            place = self._read - len(error.object) + error.start + 1
            line = self._line + error.object[: error.start].decode(error.encoding).count("\n")
            raise RecordError(self._file, line, f"is not UTF-16: byte {place}") from None
        self._line += text.count("\n")
        return text.encode()
