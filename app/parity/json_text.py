"""JSON as it is written: a tree of tokens, with their text and place."""

import json
import re
from collections.abc import Callable
from typing import Final

from app.parity.text_tree import Form, Node, ParseError, check_size

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_PLAIN: Final = r'[^"\\\x00-\x1f]*'
_STRING: Final = re.compile(rf'"{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LITERAL: Final = re.compile(r"true|false|null")
_DEEPEST: Final = 100


def parse(text: str) -> Node:
    """Return the document's value. Raises ParseError."""
    check_size(text, ",[{")
    value = _value(text, _skip(text, 0), "", "", 0)
    if _skip(text, value.end) != len(text):
        raise _unexpected(text, _skip(text, value.end))
    return value


def _value(text: str, at: int, name: str, raw_name: str, depth: int) -> Node:
    if depth > _DEEPEST:
        raise ParseError(f"deeper than {_DEEPEST} at character {at + 1}")
    if text.startswith("{", at):
        return _container(text, at, Node(Form.OBJECT, name, at, at, text, raw_name=raw_name), depth)
    if text.startswith("[", at):
        return _container(text, at, Node(Form.ARRAY, name, at, at, text, raw_name=raw_name), depth)
    for form, pattern, meaning in _LEAVES:
        if found := pattern.match(text, at):
            value = meaning(found[0])
            return Node(form, name, at, found.end(), text, value, raw_name=raw_name)
    raise _unexpected(text, at)


def _container(text: str, at: int, node: Node, depth: int) -> Node:
    """Fill an object or an array up to its closing bracket."""
    closing = "}" if node.form is Form.OBJECT else "]"
    at = _skip(text, at + 1)
    while not text.startswith(closing, at):
        if node.children:
            at = _skip(text, _take(text, at, ","))
        name, raw_name = str(len(node.children)), ""
        if node.form is Form.OBJECT:
            found = _STRING.match(text, at)
            if found is None:
                raise _unexpected(text, at)
            raw_name, name = found[0], _string(found[0])
            at = _skip(text, _take(text, _skip(text, found.end()), ":"))
        child = _value(text, at, name, raw_name, depth + 1)
        node.children.append(child)
        at = _skip(text, child.end)
    node.end = at + 1
    starts = [*((child.start, child.raw_name) for child in node.children), (node.end, "")]
    ends = [node.start, *(child.end for child in node.children)]
    node.between = "".join(
        text[end:start].replace(name, "", 1)
        for end, (start, name) in zip(ends, starts, strict=True)
    )
    return node


def _take(text: str, at: int, expected: str) -> int:
    if not text.startswith(expected, at):
        raise _unexpected(text, at)
    return at + 1


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _unexpected(text: str, at: int) -> ParseError:
    found = repr(text[at]) if at < len(text) else "the end"
    return ParseError(f"unexpected {found} at character {at + 1}")


def _string(raw: str) -> str:
    return str(json.loads(raw))


_LEAVES: Final[tuple[tuple[Form, re.Pattern[str], Callable[[str], str | None]], ...]] = (
    (Form.STRING, _STRING, _string),
    (Form.NUMBER, _NUMBER, str),
    (Form.LITERAL, _LITERAL, lambda raw: None if raw == "null" else raw),
)
