"""A body as text: its format, its encoding, and its tree."""

import codecs
import re
from collections.abc import Callable
from typing import Final

from app.parity import json_text, xml_text
from app.parity.content_encoding import decoded
from app.parity.recording import Answer
from app.parity.text_tree import Node, ParseError

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_CHARSET: Final = re.compile(r"utf-(8|16|32)(-[bl]e)?|ascii|iso8859-\d+|cp\d+|koi8-\w|gb\w+|big5")
PARSERS: Final[dict[str, Callable[[str], Node]]] = {
    "json": json_text.parse,
    "xml": xml_text.parse,
}
"""Format -> what makes a tree of a text, or raises ParseError."""


def content_type_of(answer: Answer) -> str | None:
    """Return an answer's Content-Type, the first one if there are two."""
    return next((value for name, value in answer.headers if name.lower() == "content-type"), None)


def content_type(answer: Answer) -> tuple[str, str | None]:
    """Return an answer's media type, empty if it has none, and its charset, in lower case."""
    named = content_type_of(answer) or ""
    media_type, _, parameters = named.partition(";")
    given = dict(item.strip().partition("=")[::2] for item in parameters.lower().split(";"))
    return media_type.strip().lower(), given.get("charset")


def format_of(answer: Answer) -> str | None:
    """Return ``json``, ``xml`` or ``None``, from the answer's media type."""
    media_type = content_type(answer)[0]
    return next((name for name in PARSERS if media_type.endswith(name)), None)


def encoding_of(answer: Answer) -> tuple[bytes, str]:
    """Return the mark that a body starts with, and the encoding of what follows."""
    charset = content_type(answer)[1] or "utf-8"
    for mark, encoding in _MARKS.items():
        if answer.body.startswith(mark):
            return mark, encoding
    if charset == "utf-16":
        return b"", "utf-16-be" if answer.body[:1] == b"\0" else "utf-16-le"
    return b"", _codec(charset)


def text_of(answer: Answer) -> str:
    """Return a body's text without its mark; bytes that are none as escapes."""
    mark, charset = encoding_of(answer)
    return answer.body[len(mark) :].decode(charset, "backslashreplace")


def tree_of(answer: Answer) -> Node:
    """Return a body's tree. Raises ParseError, also where the format is not known."""
    name = format_of(answer)
    if name is None:
        raise ParseError(f"no format for {answer.header('Content-Type')}")
    return PARSERS[name](text_of(answer))


def root_of(answer: Answer) -> Node | None:
    """Return the tree of an answer with a value, ``None`` for an error or what can't be read.

    The body may be compressed.
    """
    if not 200 <= answer.status < 300 or answer.fault is not None:
        return None
    try:
        return tree_of(decoded(answer))
    except ParseError:
        return None


def _codec(charset: str) -> str:
    """Return Python's name of a charset; UTF-8 for one that is unknown or none, such as ``hex``."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _CHARSET.fullmatch(name) else "utf-8"
