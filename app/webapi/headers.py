"""Request headers as System.Net.Http.Headers reads them.

Every list is all or nothing: one malformed element makes the whole header count as absent
(HttpHeaders.TryAddWithoutValidation, BaseHeaderParser).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# HttpRuleParser's token. In these patterns, no two neighbours begin with the same character, so
# that a match costs one pass, and so does its failure. Possessive quantifiers would say so, but
# CPython before 3.11.5 reads those of groups wrongly (gh-106052).
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_BLANKS = r"[ \t]*"
_QUOTED = r'"(?:\\[\x00-\x7f]|[^"\\])*"'
_PARAMETER = rf"{_TOKEN}{_BLANKS}(?:={_BLANKS}(?:{_TOKEN}|{_QUOTED}){_BLANKS})?"
_MEDIA_TYPE = re.compile(
    rf"(?P<type>{_TOKEN}){_BLANKS}/{_BLANKS}(?P<subtype>{_TOKEN}){_BLANKS}"
    rf"(?P<parameters>(?:;{_BLANKS}{_PARAMETER})*)"
)
_CHARSET = re.compile(
    rf"(?P<value>{_TOKEN}){_BLANKS}"
    rf"(?:;{_BLANKS}[qQ]{_BLANKS}={_BLANKS}(?P<quality>[0-9]+(?:\.[0-9]*)?){_BLANKS})?"
)
_PARAMETERS = re.compile(
    rf"(?P<name>{_TOKEN}){_BLANKS}(?:={_BLANKS}(?P<value>{_TOKEN}|{_QUOTED}))?"
)
# double.TryParse with NumberStyles.AllowDecimalPoint: no sign, no exponent.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_SEPARATORS = re.compile(r"[ \t,]*")


@dataclass(frozen=True, slots=True)
class MediaTypeWithQuality:
    """An element of ``Accept``: type and subtype in lower case, and its quality (0 or more)."""

    type: str
    subtype: str
    quality: float

    @property
    def media_type(self) -> str:
        """``type/subtype``."""
        return f"{self.type}/{self.subtype}"

    @property
    def is_all_range(self) -> bool:
        """Whether this is ``*/*``."""
        return self.type == "*" == self.subtype

    @property
    def is_subtype_range(self) -> bool:
        """Whether this is ``type/*`` (``*/*`` is not one)."""
        return self.subtype == "*" != self.type

    def covers(self, media_type: str) -> bool:
        """Whether ``media_type`` (lower case, no parameters) lies in this range.

        MediaTypeHeaderValueExtensions.IsSubsetOf; the range's own parameters are ignored.
        """
        if self.is_all_range:
            return True
        kind, _, subtype = media_type.partition("/")
        return self.type == kind and self.subtype in (subtype, "*")


@dataclass(frozen=True, slots=True)
class StringWithQuality:
    """An element of ``Accept-Charset``: lower-case value, and its quality from 0 to 1."""

    value: str
    quality: float


@dataclass(frozen=True, slots=True)
class ContentType:
    """A request's ``Content-Type``: the media type as a range, and its charset as written."""

    media_type: MediaTypeWithQuality
    charset: str | None


def parse_accept(header: str | None) -> tuple[MediaTypeWithQuality, ...]:
    """Read ``Accept`` in its written order; ``()`` when absent, empty or malformed."""
    return tuple(map(_media_type, _elements(header, _MEDIA_TYPE)))


def parse_accept_charset(header: str | None) -> tuple[StringWithQuality, ...]:
    """Read ``Accept-Charset`` in its written order; ``()`` when absent, empty or malformed.

    Unlike ``Accept``, a quality above 1 or without a leading digit is malformed
    (StringWithQualityHeaderValue).
    """
    values = tuple(
        StringWithQuality(found["value"].lower(), float(found["quality"] or 1))
        for found in _elements(header, _CHARSET)
    )
    return values if all(value.quality <= 1 for value in values) else ()


def parse_content_type(header: str | None) -> ContentType | None:
    """Read ``Content-Type``; ``None`` when absent or malformed."""
    found = _MEDIA_TYPE.fullmatch((header or "").strip(" \t"))
    if found is None:
        return None
    return ContentType(_media_type(found), _parameter(found["parameters"], "charset"))


def _elements(header: str | None, element: re.Pattern[str]) -> list[re.Match[str]]:
    """Match a comma-separated list; empty elements are skipped, ``[]`` if any is malformed."""
    return list(_scan(header, element)) if header and _is_list(header, element) else []


def _is_list(header: str, element: re.Pattern[str]) -> bool:
    ends = [found.end() for found in _scan(header, element)]
    return not ends or _SEPARATORS.fullmatch(header, ends[-1]) is not None


def _scan(header: str, element: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield elements until the list ends or one is malformed."""
    at = _end(_SEPARATORS.match(header))
    while found := element.match(header, at):
        yield found
        if not header.startswith(",", found.end()):
            return
        at = _end(_SEPARATORS.match(header, found.end()))


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()


def _media_type(found: re.Match[str]) -> MediaTypeWithQuality:
    quality = _parameter(found["parameters"], "q")
    # An unreadable quality counts as none: MediaTypeWithQualityHeaderValue.Quality.
    readable = quality is not None and _NUMBER.fullmatch(quality)
    return MediaTypeWithQuality(
        found["type"].lower(), found["subtype"].lower(), float(quality or 1) if readable else 1.0
    )


def _parameter(parameters: str, name: str) -> str | None:
    """Return the first parameter of this name, in any case, as written; ``None`` without one."""
    for found in _PARAMETERS.finditer(parameters):
        if found["name"].lower() == name:
            return found["value"]
    return None
