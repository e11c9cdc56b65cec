"""A captured XML answer of the legacy service; what can't be kept is refused, not lost."""

import re
from typing import Any, Final

from lxml import etree
from marshmallow import ValidationError

from app.store.clr_types import STORED, xs_boolean
from app.store.transfer.record_error import RecordError
from schemas.contract import Contract

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_OTHER_NODES: Final = {
    etree.Comment: "a comment",
    etree.Entity: "an entity",
    etree.ProcessingInstruction: "a processing instruction",
}


def answer(content: bytes, file: str, contract: type[Contract]) -> dict[str, object]:
    """Return the members of a contract's value. Raises RecordError.

    Args:
        content: the XML, in UTF-8 whatever its declaration says.
        file: the file's name, for errors.
        contract: what the answer must be.
    """
    root = _parsed(content, file, contract)
    name, namespace = contract.name(), contract.namespace()
    if root.tag != f"{{{namespace}}}{name}":
        raise RecordError(file, _line(root), f"must be a {name} of {namespace}")
    for node in (*root.itersiblings(), *root.itersiblings(preceding=True)):
        raise RecordError(file, _line(node), f"{_kind(node)} stands outside the {name}")
    try:
        if _is_nil(root):
            raise ValidationError("holds no value: the answer is nil")
        _refuse_text(root.text)
    except ValidationError as error:
        raise RecordError(file, _line(root), error.messages[0]) from None
    value: dict[str, object] = {}
    for element in root:
        if not isinstance(element.tag, str):
            raise RecordError(file, _line(element), f"{_kind(element)} stands between members")
        member = etree.QName(element)
        try:
            if member.namespace != namespace or member.localname not in contract.members():
                raise ValidationError(f"is not a member of {name}")
            if member.localname in value:
                raise ValidationError("stands twice")
            value[member.localname] = _value(element, contract)
            _refuse_text(element.tail)
        except ValidationError as error:
            raise RecordError(file, _line(element), error.messages[0], member.localname) from None
    return value


def _parsed(content: bytes, file: str, contract: type[Contract]) -> Any:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RecordError(file, line, f"is not UTF-8: byte {error.start + 1}") from None
    if "<![CDATA[" in text:
        raise RecordError(file, _line_of(text, "<![CDATA["), "holds a CDATA section")
    try:
        root = etree.fromstring(_without_forbidden(text).encode(), _PARSER)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        reason = f"is not XML: {error.msg.partition(', line ')[0]} at column {column}"
        raise RecordError(file, line, reason, _member_at(text, line, column, contract)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise RecordError(file, _line_of(text, "<!DOCTYPE"), "has a DTD, which no answer has")
    return root


def _value(element: Any, contract: type[Contract]) -> object:
    for node in element:
        raise ValidationError(f"holds {_kind(node)}")
    nil, text = _is_nil(element), _restored(element.text or "")
    if nil and text:
        raise ValidationError(f"is nil and holds {text[:60]!r}")
    field = contract.members()[etree.QName(element).localname]
    return None if nil else STORED[type(field)].xml(text)


def _is_nil(element: Any) -> bool:
    for name in {*element.keys()} - {_NIL}:
        raise ValidationError(f"has the attribute {name}")
    return xs_boolean(element.get(_NIL, "false"))


def _refuse_text(text: str | None) -> None:
    if text and text.strip():
        raise ValidationError(f"has text behind it: {text.strip()[:60]!r}")


def _kind(node: Any) -> str:
    return _OTHER_NODES.get(node.tag) or f"the element {etree.QName(node).localname}"


def _line(node: Any) -> int:
    return int(node.sourceline or 1)


def _line_of(text: str, found: str) -> int:
    return text.count("\n", 0, text.index(found)) + 1


def _member_at(text: str, line: int, column: int, contract: type[Contract]) -> str | None:
    """Return the member whose element is open at a place."""
    before = "\n".join([*text.split("\n")[: line - 1], text.split("\n")[line - 1][: column - 1]])
    tags = re.findall(r"<(/?[A-Za-z_][\w.-]*)", before)
    names = [tag for tag in tags if tag.removeprefix("/") in contract.members()]
    return names[-1] if names and not names[-1].startswith("/") else None


_PARSER: Final = etree.XMLParser(
    # Without huge_tree, libxml2 refuses a text of more than 10 MB.
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=True,
)

# .NET writes references to characters that XML 1.0 forbids and lxml refuses: they go through the
# parser behind a mark from a private area, as does the mark itself.
_MARK: Final = "\uf8ff"
_FORBIDDEN: Final = re.compile(r"&#x([0-8BCEF]|1[0-9A-F]|FFF[EF]);|" + _MARK)
_MARKED: Final = re.compile(f"{_MARK}([0-9A-F]*);")


def _without_forbidden(text: str) -> str:
    return _FORBIDDEN.sub(lambda found: f"{_MARK}{found[1] or ''};", text)


def _restored(text: str) -> str:
    return _MARKED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _MARK, text)
