"""Files of processes: JSON lines, JSON arrays, and captured XML answers of the legacy service."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from lxml import etree
from marshmallow import ValidationError

from app.store.store import Stored
from app.store.transfer.json_stream import DECODER, JSON_ERRORS, RecordError, array, record_error
from app.webapi.data_contract import ClrType, Row
from app.webapi.formatter import compile_template
from schemas.charge_process import ChargeProcess
from schemas.clr import int32

_TYPES: Final = {name: ClrType(f.clr_name) for name, f in ChargeProcess.members().items()}
_XSI_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True, slots=True)
class _Source:
    file: str
    user_id: int | None
    nul: bool


def read(
    stream: "BufferedReader[Any]", file: str, user_id: int | None = None, nul: bool = True
) -> Iterator[Stored]:
    """Yield the processes of a file, each checked against the contract.

    Args:
        stream: JSON lines, one JSON array, or one XML answer (UTF-8 or UTF-16).
        file: the file's name, for errors.
        user_id: whose processes these are; needed for XML, and for JSON that doesn't say.
        nul: whether the store holds text with U+0000.

    Raises RecordError at the first record that can't be taken.
    """
    head = _peek(stream)
    source = _Source(file, user_id, nul)
    if head.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        yield _read_xml(stream.read(), source)
    elif head.startswith(b"["):
        for line, value in array(stream, file):
            yield _stored(value, line, source)
    else:
        for line, content in enumerate(stream, 1):
            if content.strip():
                yield _stored(_json(content, file, line), line, source)


def _peek(stream: "BufferedReader[Any]") -> bytes:
    """Return the first bytes behind blanks and the UTF-8 mark, without taking them."""
    start = stream.peek(64)[:64]
    return start.removeprefix(codecs.BOM_UTF8).lstrip()


def _read_xml(content: bytes, source: _Source) -> Stored:
    file = source.file
    if source.user_id is None:
        raise RecordError(file, 1, "an XML answer doesn't say whose it is: give --user-id")
    try:
        root = etree.fromstring(_without_forbidden(content), _PARSER)
    except (etree.XMLSyntaxError, UnicodeError) as error:
        line = getattr(error, "lineno", None) or 1
        raise RecordError(file, line, f"is not XML: {error}") from None
    name, namespace = ChargeProcess.name(), ChargeProcess.namespace()
    if root.tag != f"{{{namespace}}}{name}":
        raise RecordError(file, 1, f"must be a {name} of {namespace}")
    if root.get(_XSI_NIL) == "true":
        raise RecordError(file, 1, "holds no process: the answer is nil")
    value: dict[str, object] = {}
    for element in root:
        line = int(element.sourceline or 1)
        name = str(element.tag).partition("}")[2]
        if name in value:
            raise RecordError(file, line, "stands twice", name)
        try:
            value[name] = _xml_value(element, _TYPES.get(name))
        except ValidationError as error:
            raise RecordError(file, line, error.messages[0], name) from None
    return _stored({"user_id": source.user_id, **value}, 1, source)


def _xml_value(element: Any, kind: ClrType | None) -> object:
    text = None if element.get(_XSI_NIL) == "true" else _restored(element.text or "")
    if text is None or kind in (None, ClrType.STRING, ClrType.DATE_TIME, ClrType.DECIMAL):
        return text
    if kind is ClrType.BOOLEAN and text in ("true", "false"):
        return text == "true"
    if kind is ClrType.INT32 and _INT32.fullmatch(text):
        return int(text)
    raise ValidationError(f"must be a {kind.value}, not {text[:60]!r}")


def _json(content: bytes, file: str, line: int) -> Any:
    try:
        return DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except JSON_ERRORS as error:
        raise record_error(error, file, line) from None


def _stored(value: Any, line: int, source: _Source) -> Stored:
    if type(value) is not dict:
        raise RecordError(source.file, line, "must be an object with a process's members")
    user = value.pop("user_id", source.user_id)
    try:
        if user is None:
            raise ValidationError({"user_id": ["is missing"]})
        try:
            user = int32(user)
        except ValidationError as error:
            raise ValidationError({"user_id": error.messages}) from None
        row = ChargeProcess.row(value)
        if not source.nul:
            _refuse_nul(row)
    except ValidationError as error:
        member, reasons = next(iter(error.messages_dict.items()))
        raise RecordError(source.file, line, str(reasons[0]), str(member)) from None
    return (user, *row)


def _refuse_nul(row: Row) -> None:
    for name, value in zip(ChargeProcess.members(), row, strict=True):
        if type(value) is str and "\0" in value:
            raise ValidationError({name: ["holds U+0000, which this database can't"]})


_INT32: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,10})")
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)

# .NET writes references to characters that XML 1.0 forbids and lxml refuses: they go through the
# parser behind a mark from a private area, as does the mark itself.
_MARK: Final = "\uf8ff"
_FORBIDDEN: Final = re.compile(r"&#x([0-8BCEF]|1[0-9A-F]|FFF[EF]);|" + _MARK)
_MARKED: Final = re.compile(f"{_MARK}([0-9A-F]*);")


def _without_forbidden(content: bytes) -> bytes:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = content.decode("utf-16" if wide else "utf-8-sig").lstrip()
    return _FORBIDDEN.sub(lambda found: f"{_MARK}{found[1] or ''};", text).encode()


def _restored(text: str) -> str:
    return _MARKED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _MARK, text)


# JSON lines as they are imported: numbers with their written scale, everything else as ASCII.
_EXPRESSIONS: Final = {
    ClrType.INT32: "null if {0} is None else {0}",
    ClrType.BOOLEAN: "boolean[{0}]",
    ClrType.STRING: "null if {0} is None else quote({0})",
    ClrType.DECIMAL: "null if {0} is None else {0}",
    ClrType.DATE_TIME: "null if {0} is None else quote({0})",
}


def _compile_line() -> Callable[[Row], str]:
    types = {"user_id": ClrType.INT32, **_TYPES}
    template = ",".join(f'"{name}":%s' for name in types)
    expressions = [_EXPRESSIONS[kind].format(f"v{at}") for at, kind in enumerate(types.values())]
    names = {"null": "null", "boolean": {None: "null", 0: "false", 1: "true"}}
    return compile_template(
        "{" + template + "}\n", expressions, {**names, "quote": encode_basestring_ascii}
    )


line: Final = _compile_line()
"""Write a stored process as the JSON line that ``read`` takes, with its line end."""
