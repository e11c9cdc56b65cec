"""What can differ between two answers: kinds, each with what it names."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of difference, by the name that reports and allowed differences use."""

    STATUS = "status"
    HEADER = "header"
    MEDIA_TYPE = "media type"
    CHARSET = "charset"
    BYTE_ORDER_MARK = "byte-order mark"
    BODY = "body"
    MALFORMED = "malformed"
    LINE_BREAK = "line break"
    WHITE_SPACE = "white space"
    XML_DECLARATION = "XML declaration"
    MEMBER_ORDER = "member order"
    ELEMENT_ORDER = "element order"
    MISSING_MEMBER = "missing member"
    EXTRA_MEMBER = "extra member"
    MEMBER_NAME = "member name"
    NAMESPACE = "namespace"
    PREFIX = "prefix"
    ATTRIBUTE = "attribute"
    ATTRIBUTE_ORDER = "attribute order"
    EMPTY_ELEMENT = "empty element"
    QUOTES = "quotes"
    NIL = "nil"
    VALUE_TYPE = "value type"
    NUMBER_TEXT = "number text"
    DATE_TEXT = "date text"
    LETTER_CASE = "letter case"
    ESCAPE = "escape"
    OTHER_VALUE = "other value"
    BROKEN_ANSWER = "broken answer"


_BY_PLACE = {
    Kind.HEADER,
    Kind.MISSING_MEMBER,
    Kind.EXTRA_MEMBER,
    Kind.OTHER_VALUE,
}
_BY_VALUES = {Kind.STATUS, Kind.MEDIA_TYPE, Kind.CHARSET}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, where it stands, and what each side has there.

    ``where`` is a member's path, a header's name, ``status`` or ``body``. A side that lacks the
    thing has ``None``.
    """

    kind: Kind
    where: str
    expected: str | None
    found: str | None

    @property
    def cause(self) -> str:
        """What differences of one kind share when they are one finding."""
        if self.kind in _BY_PLACE:
            return self.where
        if self.kind in _BY_VALUES:
            return f"{self.expected} \N{RIGHTWARDS ARROW} {self.found}"
        if self.kind is Kind.BROKEN_ANSWER:
            return str(self.found).partition(":")[0]
        return ""
