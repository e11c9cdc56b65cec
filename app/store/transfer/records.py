"""Files of processes: JSON lines, JSON arrays, and captured XML answers of the legacy service."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BufferedReader
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from lxml import etree
from marshmallow import ValidationError

from app.store.clr_types import STORED
from app.store.store import Stored
from app.store.transfer.json_stream import DECODER, JSON_ERRORS, RecordError, array, record_error
from app.webapi.formatter import compile_template
from schemas import clr
from schemas.contract import Contract
from schemas.resource import Resource

_XSI_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True, slots=True)
class _Source:
    file: str
    resource: Resource
    asked: int | None
    nul: bool


def read(
    stream: "BufferedReader[Any]",
    file: str,
    resource: Resource,
    asked: int | None = None,
    nul: bool = True,
) -> Iterator[Stored]:
    """Yield a resource's values from a file, each checked against the contract.

    Args:
        stream: JSON lines, one JSON array, or one XML answer (UTF-8 or UTF-16).
        file: the file's name, for errors.
        resource: what the file holds.
        asked: what the values are asked by; needed for XML, and for JSON that doesn't say.
        nul: whether the store holds text with U+0000.

    Raises RecordError at the first record that can't be taken.
    """
    head = _peek(stream)
    source = _Source(file, resource, asked, nul)
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
    if source.asked is None:
        raise RecordError(file, 1, "an XML answer doesn't say whose it is: give --user-id")
    try:
        root = etree.fromstring(_without_forbidden(content), _PARSER)
    except (etree.XMLSyntaxError, UnicodeError) as error:
        line = getattr(error, "lineno", None) or 1
        raise RecordError(file, line, f"is not XML: {error}") from None
    contract = source.resource.contract
    name, namespace = contract.name(), contract.namespace()
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
            value[name] = _xml_value(element, contract.members().get(name))
        except ValidationError as error:
            raise RecordError(file, line, error.messages[0], name) from None
    return _stored(value, 1, source)


def _xml_value(element: Any, field: clr.ClrField[Any] | None) -> object:
    text = None if element.get(_XSI_NIL) == "true" else _restored(element.text or "")
    if text is None or not isinstance(field, clr.Int32 | clr.Boolean):
        return text
    if isinstance(field, clr.Boolean) and text in ("true", "false"):
        return text == "true"
    if isinstance(field, clr.Int32) and _INT32.fullmatch(text):
        return int(text)
    raise ValidationError(f"must be a {field.clr_name}, not {text[:60]!r}")


def _json(content: bytes, file: str, line: int) -> Any:
    try:
        return DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    except JSON_ERRORS as error:
        raise record_error(error, file, line) from None


def _stored(value: Any, line: int, source: _Source) -> Stored:
    if type(value) is not dict:
        raise RecordError(
            source.file,
            line,
            f"must be an object with the members of {source.resource.contract.name()}",
        )
    contract, asked_by = source.resource.contract, source.resource.asked_by
    asked = value.pop(asked_by, source.asked)
    try:
        if asked is None:
            raise ValidationError({asked_by: ["is missing"]})
        try:
            asked = clr.int32(asked)
        except ValidationError as error:
            raise ValidationError({asked_by: error.messages}) from None
        row = contract.row(value)
        if not source.nul:
            _refuse_nul(contract, row)
    except ValidationError as error:
        member, reasons = next(iter(error.messages_dict.items()))
        raise RecordError(source.file, line, str(reasons[0]), str(member)) from None
    return (asked, *row)


def _refuse_nul(contract: type[Contract], row: Stored) -> None:
    for name, value in zip(contract.members(), row, strict=True):
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
_NAMES: Final = {
    "null": "null",
    "boolean": {None: "null", 0: "false", 1: "true"},
    "quote": encode_basestring_ascii,
}


@cache
def writer(resource: Resource) -> Callable[[Stored], str]:
    """Return what writes a stored value as the JSON line that ``read`` takes, with its end."""
    fields = resource.contract.members().items()
    types: dict[str, type[clr.ClrField[Any]]] = {resource.asked_by: clr.Int32}
    types |= {name: type(field) for name, field in fields}
    template = ",".join(f'"{name}":%s' for name in types)
    expressions = [STORED[kind].line.format(f"v{at}") for at, kind in enumerate(types.values())]
    return compile_template("{" + template + "}\n", expressions, _NAMES)
