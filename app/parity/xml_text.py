"""XML as it is written: a tree of elements, with their text and place.

A parser would refuse the references that .NET writes for characters which XML 1.0 forbids, and
would drop how everything is written: quotes, references, the form of an empty element.
"""

import re
from collections import ChainMap
from typing import Final

from app.parity.text_tree import Form, Node, ParseError, check_size

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_NAME: Final = r"[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?"
_PROLOG: Final = re.compile(r"\s*(?:<\?xml\s[^>]*\?>\s*)?(?:<!--.*?-->\s*)*", re.S)
_START: Final = re.compile(
    rf"<({_NAME})((?:\s+{_NAME}\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(/?)>", re.S
)
_END: Final = re.compile(rf"</({_NAME})\s*>")
_TEXT: Final = re.compile(r"(?:[^<&]+|&(?:#[0-9]+|#x[0-9a-fA-F]+|lt|gt|amp|quot|apos);)+", re.S)
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)
_ATTRIBUTE: Final = re.compile(rf"({_NAME})\s*=\s*(\"[^\"]*\"|'[^']*')", re.S)
_REFERENCE: Final = re.compile(r"&(#x?)?([0-9a-zA-Z]+);")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_DEEPEST: Final = 100

_Spaces = ChainMap[str, str]


def parse(text: str) -> Node:
    """Return the document's root, its declaration in ``head``. Raises ParseError."""
    check_size(text, "<")
    prolog = _PROLOG.match(text)
    at = prolog.end() if prolog else 0
    spaces = ChainMap({"": "", "xml": "http://www.w3.org/XML/1998/namespace"})
    root, end = _element(text, at, spaces, 0)
    if text[end:].strip():
        raise _unexpected(text, end)
    root.head = text[:at] + root.head
    return root


def meant(raw: str) -> str:
    """Return the text that references mean."""
    return _REFERENCE.sub(_character, raw)


def _element(text: str, at: int, spaces: _Spaces, depth: int) -> tuple[Node, int]:
    """Read the element that starts at a place, and return it with the place after it."""
    start = _START.match(text, at)
    if start is None or depth > _DEEPEST:
        raise _unexpected(text, at)
    raw_name, written, empty = start.groups()
    attributes = tuple((name, value) for name, value in _ATTRIBUTE.findall(written))
    if len(dict(attributes)) < len(attributes):
        raise ParseError(f"an attribute twice at character {at + 1}")
    declared = {
        name.removeprefix("xmlns").removeprefix(":"): meant(value[1:-1])
        for name, value in attributes
        if name == "xmlns" or name.startswith("xmlns:")
    }
    if declared:
        spaces = spaces.new_child(declared)
    prefix, _, name = raw_name.rpartition(":")
    if prefix not in spaces:
        raise ParseError(f"undeclared prefix {prefix} at character {at + 1}")
    node = Node(Form.TEXT, name, start.end(), start.end(), text, "", raw_name=raw_name)
    node.namespace, node.attributes, node.head = spaces[prefix], attributes, start[0]
    end = start.end() if empty else _content(text, node, spaces, depth)
    if _is_nil(node, spaces) and not node.raw.strip():
        node.value = None
    return node, end


def _content(text: str, node: Node, spaces: _Spaces, depth: int) -> int:
    """Fill an element up to its end tag, and return the place after it."""
    at, value = node.start, ""
    while not text.startswith("</", at):
        if found := _TEXT.match(text, at):
            value += meant(found[0])
            at = found.end()
        elif cdata := _CDATA.match(text, at):
            value += cdata[1]
            at = cdata.end()
        else:
            child, at = _element(text, at, spaces, depth + 1)
            node.children.append(child)
    closing = _END.match(text, at)
    if closing is None or closing[1] != node.raw_name:
        raise _unexpected(text, at)
    node.end, node.value = at, value
    if node.children:
        node.form, node.value, node.between = Form.ELEMENT, None, value
    return closing.end()


def _is_nil(node: Node, spaces: _Spaces) -> bool:
    return any(
        name.endswith(":nil")
        and spaces.get(name.removesuffix(":nil")) == XSI
        and meant(value[1:-1]).strip() in ("true", "1")
        for name, value in node.attributes
    )


def _character(found: re.Match[str]) -> str:
    kind, name = found.groups()
    if not kind:
        return _NAMED.get(name, found[0])
    try:
        return chr(int(name, 16 if kind == "#x" else 10))
    except (ValueError, OverflowError):
        return found[0]


def _unexpected(text: str, at: int) -> ParseError:
    found = repr(text[at : at + 20]) if at < len(text) else "the end"
    return ParseError(f"unexpected {found} at character {at + 1}")
