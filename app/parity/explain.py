"""Says how two answers differ: bytes first, and only where they differ the text's tokens."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from app.parity.charsets import readings
from app.parity.content_encoding import coding, content_encoding, decoded
from app.parity.difference import Difference, Kind
from app.parity.document import (
    PARSERS,
    content_type,
    content_type_of,
    encoding_of,
    format_of,
    text_of,
    tree_of,
)
from app.parity.headers import RECORDED, ComparedHeaders
from app.parity.recording import Answer
from app.parity.text_tree import Node, ParseError
from app.parity.tree_differences import differences as tree_differences

OF_RECORDINGS: Final = ComparedHeaders(RECORDED)
"""The headers of recordings that don't hold all."""

_MOST: Final = 200
"""More differences of one answer are not named: it is another document."""
_CHARSET: Final = re.compile(r"\s*;\s*charset\s*=[^;]*", re.I)
_Parse = Callable[[str], Node]


def explain(
    expected: Answer,
    found: Answer,
    headers: ComparedHeaders = OF_RECORDINGS,
    method: str = "GET",
) -> list[Difference]:
    """Return the differences between two answers to a request, none if they are the same.

    Status, headers and body count; of an answer that is not whole, only its fault, and of one with
    another status, only that. A body that can't be decoded is like none but itself. A body is not
    compared for HEAD.
    """
    if expected.fault or found.fault:
        return list(_faults(expected, found))
    if expected.status != found.status:
        return [Difference(Kind.STATUS, "status", str(expected.status), str(found.status))]
    different = [
        *_connections(expected, found, headers),
        *headers.differences(expected, found),
        *_content_types(expected, found),
    ]
    if method != "HEAD" or headers.has("Content-Encoding"):
        different += _encodings(expected, found, headers)
    if method == "HEAD":
        return [*different, *_lengths(expected, found, headers)]
    if expected.body == found.body and content_encoding(expected) == content_encoding(found):
        return different
    (expected, old_reason), (found, new_reason) = _decoded(expected), _decoded(found)
    if old_reason or new_reason:
        kind = Kind.BODY if old_reason else Kind.MALFORMED
        shown = old_reason + text_of(expected), new_reason + text_of(found)
        return [*different, Difference(kind, "body", *shown)]
    if expected.body == found.body:
        return different
    return [*different, *_bodies(expected, found)]


def _faults(expected: Answer, found: Answer) -> Iterator[Difference]:
    old, new = (answer.fault and answer.fault.kind for answer in (expected, found))
    if old is not new:
        whole = f"a whole {expected.status}", f"a whole {found.status}"
        sides = str(expected.fault or whole[0]), str(found.fault or whole[1])
        yield Difference(Kind.BROKEN_ANSWER, "answer", *sides)


def _connections(expected: Answer, found: Answer, headers: ComparedHeaders) -> Iterator[Difference]:
    """Compare what is the connection's: version, framing, and whether it ends.

    An older version has neither chunks nor, by itself, a second answer: that is one difference.
    """
    if expected.version and found.version and expected.version != found.version:
        yield Difference(Kind.HTTP_VERSION, "version", expected.version, found.version)
        return
    old, new = _framing(expected), _framing(found)
    if headers.only is None and old != new:
        yield Difference(Kind.FRAMING, "framing", old, new)
        return
    old_end, new_end = _end(expected), _end(found)
    if old_end and new_end and old_end != new_end:
        yield Difference(Kind.CLOSING, "connection", old_end, new_end)


def _end(answer: Answer) -> str | None:
    return {None: None, True: "closes", False: "stays open"}[answer.closes]


def _lengths(expected: Answer, found: Answer, headers: ComparedHeaders) -> Iterator[Difference]:
    """Compare the lengths of bodies that HEAD leaves out; those of others say nothing more."""
    old, new = expected.header("Content-Length"), found.header("Content-Length")
    if headers.only is None and None not in (old, new) and old != new:
        yield Difference(Kind.HEADER, "Content-Length", old, new)


def _framing(answer: Answer) -> str:
    if "chunked" in (answer.header("Transfer-Encoding") or "").lower():
        return "chunked"
    return "no length" if answer.header("Content-Length") is None else "a length"


def _encodings(expected: Answer, found: Answer, headers: ComparedHeaders) -> Iterator[Difference]:
    """Compare how bodies are encoded; a recording without the header shows only that."""
    named = content_encoding if headers.has("Content-Encoding") else coding
    old, new = named(expected), named(found)
    if old != new:
        yield Difference(Kind.CONTENT_ENCODING, "Content-Encoding", old, new)


def _decoded(answer: Answer) -> tuple[Answer, str]:
    """Return an answer decoded, and why its body can't be, empty if it can."""
    try:
        return decoded(answer), ""
    except ParseError as error:
        return answer, f"{error}: "


def _content_types(expected: Answer, found: Answer) -> Iterator[Difference]:
    old, new = content_type_of(expected), content_type_of(found)
    (old_type, old_charset), (new_type, new_charset) = map(content_type, (expected, found))
    if old_type != new_type:
        yield Difference(Kind.MEDIA_TYPE, "Content-Type", old_type, new_type)
    if old is None or new is None:
        return
    if old_charset != new_charset:
        yield Difference(Kind.CHARSET, "Content-Type", old_charset, new_charset)
    same = old_type == new_type, old_charset == new_charset
    if _written(old, *same) != _written(new, *same):
        yield Difference(Kind.HEADER, "Content-Type", old, new)


def _written(text: str, has_type: bool, has_charset: bool) -> tuple[str, str]:
    """Return how a Content-Type is written, without what is compared apart."""
    name, mark, rest = text.partition(";")
    parameters = mark + rest
    return name if has_type else "", parameters if has_charset else _CHARSET.sub("", parameters)


def _bodies(expected: Answer, found: Answer) -> Iterator[Difference]:
    (old_mark, old_encoding), (new_mark, new_encoding) = encoding_of(expected), encoding_of(found)
    old_text, new_text = text_of(expected), text_of(found)
    is_announced = content_type(expected)[1] != content_type(found)[1]
    if old_mark != new_mark and (new_mark or not is_announced):
        yield Difference(Kind.BYTE_ORDER_MARK, "body", old_mark.hex(" "), new_mark.hex(" "))
    elif old_encoding != new_encoding and not is_announced:
        yield Difference(Kind.CHARSET, "body", old_encoding, new_encoding)
    if old_text != new_text:
        yield from _texts(expected, found, old_text, new_text)
    elif old_mark == new_mark and old_encoding == new_encoding:
        yield Difference(Kind.MALFORMED, "body", expected.body.hex(" "), found.body.hex(" "))


def _texts(expected: Answer, found: Answer, old: str, new: str) -> Iterator[Difference]:
    try:
        tree = tree_of(expected)
    except ParseError:
        yield Difference(Kind.BODY, "body", old, new)
        return
    parse = PARSERS[str(format_of(expected))]
    is_format = format_of(found) == format_of(expected)
    try:
        different = _compared(tree, parse(new), old, new)
        reason = None
    except ParseError as error:
        different, reason = [], error
    if reason is not None or not _is_text(found):
        charset, other = _read_otherwise(tree, old, found, parse)
        is_likely = not old.isascii() or (charset or "").startswith(("utf-16", "utf-32"))
        if charset and is_likely and (reason is not None or _others(other) < _others(different)):
            yield Difference(Kind.OTHER_CHARSET, "body", old, f"{charset}: {new}")
            different, reason = other, None
    if reason is not None:
        yield Difference(
            Kind.MALFORMED if is_format else Kind.BODY, "body", old, f"{reason}: {new}"
        )
    yield from different


def _compared(old_tree: Node, new_tree: Node, old: str, new: str) -> list[Difference]:
    found = islice(tree_differences(old_tree, new_tree), _MOST)
    different = [*_ends(old, new), *found]
    return different or [_between(old, new)]


def _ends(old: str, new: str) -> Iterator[Difference]:
    """Compare the blanks around a document."""
    before, after = (
        (text[: -len(text.lstrip())], text[len(text.rstrip()) :]) for text in (old, new)
    )
    if before != after and old.strip() and new.strip():
        is_line = "".join((*before, *after)).strip("\r\n") == ""
        yield Difference(Kind.LINE_BREAK if is_line else Kind.WHITE_SPACE, "body", old, new)


def _is_text(answer: Answer) -> bool:
    mark, encoding = encoding_of(answer)
    try:
        answer.body[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _read_otherwise(
    tree: Node, old: str, found: Answer, parse: _Parse
) -> tuple[str | None, list[Difference]]:
    """Return the charset in which an answer's bytes differ least, and those differences."""
    mark, encoding = encoding_of(found)
    best: tuple[str | None, list[Difference]] = None, []
    for charset, text in readings(found.body[len(mark) :], encoding):
        try:
            different = [] if text == old else _compared(tree, parse(text), old, text)
        except ParseError:
            continue
        if best[0] is None or _others(different) < _others(best[1]):
            best = charset, different
    return best


def _others(differences: list[Difference]) -> int:
    """Return how many differences no charset explains."""
    return sum(item.kind is not Kind.OTHER_CHARSET for item in differences)


def _between(old: str, new: str) -> Difference:
    """Name a difference that is in no token, but between them."""
    if old.replace("\r\n", "\n").strip("\r\n") == new.replace("\r\n", "\n").strip("\r\n"):
        return Difference(Kind.LINE_BREAK, "body", old, new)
    is_blank = "".join(old.split()) == "".join(new.split())
    return Difference(Kind.WHITE_SPACE if is_blank else Kind.BODY, "body", old, new)
