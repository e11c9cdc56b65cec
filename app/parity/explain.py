"""Says how two answers differ: bytes first, and only where they differ the text's tokens."""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Final

from app.parity import json_text, xml_text
from app.parity.difference import Difference, Kind
from app.parity.recording import Answer
from app.parity.text_tree import Node, ParseError
from app.parity.tree_differences import differences as tree_differences

HEADERS: Final = ("Content-Type", "Allow")
"""The headers that recordings hold and that are compared."""

_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_CHARSET: Final = re.compile(r"utf-(8|16|32)(-[bl]e)?|ascii|iso8859-\d+|cp\d+|koi8-\w|gb\w+|big5")
_PARSERS: Final[dict[str, Callable[[str], Node]]] = {
    "json": json_text.parse,
    "xml": xml_text.parse,
}


def explain(
    expected: Answer, found: Answer, headers: tuple[str, ...] = HEADERS, method: str = "GET"
) -> list[Difference]:
    """Return the differences between two answers to a request, none if their bytes are the same.

    Status, the named headers and the body count; of an answer that is not whole, only its fault.
    A body is not explained where the status or the format differs already, and not compared for
    HEAD.
    """
    if expected.fault or found.fault:
        return list(_faults(expected, found))
    different = list(_headers(expected, found, headers))
    if expected.status != found.status:
        status = Difference(Kind.STATUS, "status", str(expected.status), str(found.status))
        return [status, *different]
    if method == "HEAD" or expected.body == found.body:
        return different
    if any(item.kind is Kind.MEDIA_TYPE for item in different):
        return different
    return [*different, *_bodies(expected, found)]


def text_of(answer: Answer) -> str:
    """Return a body's text without its mark; bytes that are none as escapes."""
    mark, charset = encoding_of(answer)
    return answer.body[len(mark) :].decode(charset, "backslashreplace")


def format_of(answer: Answer) -> str | None:
    """Return ``json``, ``xml`` or ``None``, from the answer's media type."""
    media_type = content_type(answer)[0]
    return next((name for name in _PARSERS if media_type.endswith(name)), None)


def tree_of(answer: Answer) -> Node:
    """Return a body's tree. Raises ParseError, also where the format is not known."""
    name = format_of(answer)
    if name is None:
        raise ParseError(f"no format for {answer.header('Content-Type')}")
    return _PARSERS[name](text_of(answer))


def _faults(expected: Answer, found: Answer) -> Iterator[Difference]:
    old, new = (answer.fault and answer.fault.kind for answer in (expected, found))
    if old is not new:
        whole = f"a whole {expected.status}", f"a whole {found.status}"
        sides = str(expected.fault or whole[0]), str(found.fault or whole[1])
        yield Difference(Kind.BROKEN_ANSWER, "answer", *sides)


def _headers(expected: Answer, found: Answer, names: tuple[str, ...]) -> Iterator[Difference]:
    for name in names:
        old, new = expected.header(name), found.header(name)
        if old == new:
            continue
        if name.lower() != "content-type" or old is None or new is None:
            yield Difference(Kind.HEADER, name, old, new)
        else:
            yield _content_types(expected, found, old, new)


def _content_types(expected: Answer, found: Answer, old: str, new: str) -> Difference:
    (old_type, old_charset), (new_type, new_charset) = map(content_type, (expected, found))
    if old_type != new_type:
        return Difference(Kind.MEDIA_TYPE, "Content-Type", old_type, new_type)
    if old_charset != new_charset:
        return Difference(Kind.CHARSET, "Content-Type", old_charset, new_charset)
    return Difference(Kind.HEADER, "Content-Type", old, new)


def content_type(answer: Answer) -> tuple[str, str | None]:
    """Return an answer's media type, empty if it has none, and its charset, in lower case."""
    media_type, _, parameters = (answer.header("Content-Type") or "").partition(";")
    named = dict(item.strip().partition("=")[::2] for item in parameters.lower().split(";"))
    return media_type.strip().lower(), named.get("charset")


def encoding_of(answer: Answer) -> tuple[bytes, str]:
    """Return the mark that a body starts with, and the encoding of what follows."""
    charset = content_type(answer)[1] or "utf-8"
    for mark, encoding in _MARKS.items():
        if answer.body.startswith(mark):
            return mark, encoding
    if charset == "utf-16":
        return b"", "utf-16-be" if answer.body[:1] == b"\0" else "utf-16-le"
    return b"", _codec(charset)


def _codec(charset: str) -> str:
    """Return Python's name of a charset; UTF-8 for one that is unknown or none, such as ``hex``."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _CHARSET.fullmatch(name) else "utf-8"


def _bodies(expected: Answer, found: Answer) -> Iterator[Difference]:
    (old_mark, old_encoding), (new_mark, new_encoding) = encoding_of(expected), encoding_of(found)
    old_text, new_text = text_of(expected), text_of(found)
    if old_mark != new_mark:
        yield Difference(Kind.BYTE_ORDER_MARK, "body", old_mark.hex(" "), new_mark.hex(" "))
    elif old_encoding != new_encoding and content_type(expected) == content_type(found):
        yield Difference(Kind.CHARSET, "body", old_encoding, new_encoding)
    if old_text != new_text:
        yield from _texts(expected, found, old_text, new_text)
    elif old_mark == new_mark and old_encoding == new_encoding:
        yield Difference(Kind.MALFORMED, "body", expected.body.hex(" "), found.body.hex(" "))


def _texts(expected: Answer, found: Answer, old: str, new: str) -> Iterator[Difference]:
    try:
        old_tree = tree_of(expected)
    except ParseError:
        yield Difference(Kind.BODY, "body", old, new)
        return
    try:
        new_tree = tree_of(found)
    except ParseError as error:
        yield Difference(Kind.MALFORMED, "body", old, f"{error}: {new}")
        return
    different = list(tree_differences(old_tree, new_tree))
    yield from different or [_between(old, new)]


def _between(old: str, new: str) -> Difference:
    """Name a difference that is in no token: what stands between them."""
    if old.replace("\r\n", "\n").strip("\r\n") == new.replace("\r\n", "\n").strip("\r\n"):
        return Difference(Kind.LINE_BREAK, "body", old, new)
    return Difference(Kind.WHITE_SPACE, "body", old, new)
