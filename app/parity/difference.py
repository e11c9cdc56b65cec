"""What can differ between two answers: kinds, each with what it names."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from app.parity.bounds import cut

_LONGEST: Final = 10_000


class Kind(StrEnum):
    """The kinds of difference, by the name that reports and allowed differences use."""

    STATUS = "status"
    HTTP_VERSION = "HTTP version"
    CLOSING = "closing connection"
    FRAMING = "framing"
    HEADER = "header"
    CONTENT_ENCODING = "content encoding"
    MEDIA_TYPE = "media type"
    CHARSET = "charset"
    OTHER_CHARSET = "bytes of another charset"
    BYTE_ORDER_MARK = "byte-order mark"
    BODY = "body"
    MALFORMED = "malformed"
    LINE_BREAK = "line break"
    WHITE_SPACE = "white space"
    XML_DECLARATION = "XML declaration"
    MEMBER_ORDER = "member order"
    ELEMENT_ORDER = "element order"
    NULL_LEFT_OUT = "null left out"
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
    NUMBER_SCALE = "number scale"
    NUMBER_ROUNDING = "number rounding"
    NUMBER_EXPONENT = "number exponent"
    NUMBER_SIGN = "number sign"
    DATE_TEXT = "date text"
    DATE_ZONE_LEFT_OUT = "date zone left out"
    DATE_ZONE_ADDED = "date zone added"
    DATE_ZONE_CHANGED = "date zone changed"
    DATE_IN_ANOTHER_ZONE = "date in another zone"
    DATE_FRACTION_CUT = "date fraction cut"
    DATE_FRACTION_ROUNDED = "date fraction rounded"
    NORMALIZATION = "Unicode normalization"
    LETTER_CASE = "letter case"
    ESCAPE = "escape"
    OTHER_VALUE = "other value"
    ANOTHER_PROCESS = "another process"
    ANOTHER_USER = "another user's answer"
    STALE = "stale answer"
    BROKEN_ANSWER = "broken answer"


_BY_PLACE = {
    Kind.HEADER,
    Kind.MISSING_MEMBER,
    Kind.EXTRA_MEMBER,
    Kind.OTHER_VALUE,
}
_BY_VALUES = {
    Kind.STATUS,
    Kind.HTTP_VERSION,
    Kind.FRAMING,
    Kind.CONTENT_ENCODING,
    Kind.MEDIA_TYPE,
    Kind.CHARSET,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, its place, and what each side has there.

    ``where`` is a member's path, a header's name, ``status`` or ``body``. A side that lacks the
    thing has ``None``. ``could_be`` is another kind that the texts fit too: a fraction that ends
    in a small digit looks the same cut and rounded.
    """

    kind: Kind
    where: str
    expected: str | None
    found: str | None
    could_be: Kind | None = None

    @property
    def key(self) -> tuple[Kind, str]:
        """What it has in common with itself in another answer: its kind and its place."""
        return self.kind, self.where

    @property
    def cause(self) -> str:
        """What differences of one kind share when they are one finding."""
        if self.kind in _BY_PLACE:
            return cut(self.where)
        if self.kind in _BY_VALUES:
            return f"{cut(str(self.expected))} \N{RIGHTWARDS ARROW} {cut(str(self.found))}"
        if self.kind is Kind.BROKEN_ANSWER:
            return str(self.found).partition(":")[0]
        return ""

    def kept(self) -> "Difference":
        """Return it as a report keeps it: without the rest of texts that go on and on."""
        return replace(
            self,
            where=cut(self.where),
            expected=self.expected and self.expected[:_LONGEST],
            found=self.found and self.found[:_LONGEST],
        )
