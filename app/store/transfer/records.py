"""Files of values: JSON lines, JSON arrays, and captured XML answers of the legacy service."""

import codecs
from collections.abc import Callable, Iterator
from functools import cache
from io import BufferedReader
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from marshmallow import ValidationError

from app.store.clr_types import STORED
from app.store.store import Stored
from app.store.transfer.json_stream import Numbered, array, objects
from app.store.transfer.record_error import LONGEST, RecordError, too_long
from app.store.transfer.utf8 import utf8
from app.store.transfer.xml_answer import answer
from app.webapi.formatter import compile_template
from schemas import clr
from schemas.contract import Contract
from schemas.resource import Resource

_HEAD: Final = 1 << 16


def read(
    stream: "BufferedReader[Any]",
    file: str,
    resource: Resource,
    asked: int | None = None,
    nul: bool = True,
) -> Iterator[Stored]:
    """Yield a resource's values from a file, each checked against the contract.

    Args:
        stream: JSON lines, JSON objects over many lines, one JSON array, or one XML answer; in
            UTF-8, or in UTF-16 with a mark.
        file: the file's name, for errors.
        resource: what the file holds.
        asked: the query parameter of the values; needed for XML, and for JSON without it.
        nul: whether the store holds text with U+0000.

    Raises RecordError at the first record that can't be imported.
    """
    for line, value in _values(stream, file, resource, asked):
        try:
            yield _stored(value, resource, asked, nul)
        except ValidationError as error:
            member, reasons = next(iter(error.messages_dict.items()))
            raise RecordError(file, line, str(reasons[0]), str(member)) from None


def _values(
    stream: "BufferedReader[Any]", file: str, resource: Resource, asked: int | None
) -> Numbered:
    head, rest = utf8(stream, file)
    line, offset = 1, 0
    while head and not (bare := head.removeprefix(codecs.BOM_UTF8).lstrip()):
        line += head.endswith(b"\n")
        offset += len(head)
        head = rest.readline(_HEAD)
    first = bare[:1] if head else b""
    if first == b"[":
        yield from array(head, rest, file, line, offset)
    elif first == b"<":
        if asked is None:
            raise RecordError(file, line, "an XML answer has no user id: give --user-id")
        content = bare + rest.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise too_long(file, line, "the answer")
        yield line, answer(content, file, resource.contract)
    elif head:
        yield from objects(head, rest, file, line)


def _stored(value: Any, resource: Resource, asked: int | None, nul: bool) -> Stored:
    """Check a value. Raises ValidationError with the wrong member's name."""
    contract, asked_by = resource.contract, resource.asked_by
    if value is None:
        raise ValidationError({"": ["holds no value: the answer is null"]})
    if type(value) is not dict:
        reason = f"must be an object with the members of {contract.name()}"
        raise ValidationError({"": [reason]})
    found = value.pop(asked_by, asked)
    if found is None:
        raise ValidationError({asked_by: ["is missing"]})
    try:
        found = clr.int32(found)
    except ValidationError as error:
        raise ValidationError({asked_by: error.messages}) from None
    row = contract.row(value)
    if not nul:
        _refuse_nul(contract, row)
    return (found, *row)


def _refuse_nul(contract: type[Contract], row: Stored) -> None:
    for name, value in zip(contract.members(), row, strict=True):
        if type(value) is str and "\0" in value:
            raise ValidationError({name: ["holds U+0000, which this database can't"]})


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
