"""Request headers as System.Net.Http.Headers reads them.

Every list is all or nothing: one malformed element makes the whole header count as absent
(HttpHeaders.TryAddWithoutValidation, BaseHeaderParser).
"""

import re
from dataclasses import dataclass

# HttpRuleParser's token. In these patterns no two neighbours begin with the same character, so
# that a match costs one pass, and so does its failure. Possessive quantifiers would say so, but
# CPython before 3.11.5 reads those of groups wrongly (gh-106052).
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_BLANKS = r"[ \t]*"
# A backslash takes the next character with it, if that is ASCII and not the last of the header.
_TAKEN = r"[\x00-\x7f](?=.)"
_QUOTED = rf'"[^"\\]*(?:\\(?:{_TAKEN}|(?!{_TAKEN}))[^"\\]*)*"'
_PARAMETER = rf"{_TOKEN}{_BLANKS}(?:={_BLANKS}(?:{_TOKEN}|{_QUOTED}){_BLANKS})?"
_MEDIA_TYPE = re.compile(
    rf"(?P<type>{_TOKEN}){_BLANKS}/{_BLANKS}(?P<subtype>{_TOKEN}){_BLANKS}"
    rf"(?P<parameters>(?:;{_BLANKS}{_PARAMETER})*)",
    re.S,
)
_CHARSET = re.compile(
    rf"(?P<value>{_TOKEN}){_BLANKS}"
    rf"(?:;{_BLANKS}[qQ]{_BLANKS}={_BLANKS}(?P<quality>[0-9]+(?:\.[0-9]*)?){_BLANKS})?"
)
_PARAMETERS = re.compile(
    rf"(?P<name>{_TOKEN}){_BLANKS}(?:={_BLANKS}(?P<value>{_TOKEN}|{_QUOTED}))?", re.S
)
# double.TryParse with NumberStyles.AllowDecimalPoint: no sign, no exponent, but three symbols.
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_SYMBOLS = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}
_SEPARATORS = re.compile(r"[ \t,]*")


@dataclass(frozen=True, slots=True)
class MediaTypeWithQuality:
    """An element of ``Accept``: type and subtype in lower case, and its quality, any double."""

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
    """Read ``Accept`` in its written order; ``()`` when absent, empty or malformed.

    MediaTypeHeaderParser.MultipleValuesParser. ``header`` is the value, its occurrences joined by
    commas.
    """
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
    """Read ``Content-Type``; ``None`` when absent or malformed.

    MediaTypeHeaderParser.SingleValueParser.
    """
    found = _MEDIA_TYPE.fullmatch((header or "").strip(" \t"))
    if found is None:
        return None
    return ContentType(_media_type(found), _parameter(found["parameters"], "charset"))


def _elements(header: str | None, element: re.Pattern[str]) -> list[re.Match[str]]:
    """Match a comma-separated list; empty elements are skipped, ``[]`` if any is malformed."""
    text = header or ""
    found: list[re.Match[str]] = []
    at = _next_element(text, 0)
    while at < len(text):
        match = element.match(text, at)
        if match is None or text[match.end() : match.end() + 1] not in ("", ","):
            return []
        found.append(match)
        at = _next_element(text, match.end())
    return found


def _next_element(text: str, at: int) -> int:
    separators = _SEPARATORS.match(text, at)
    return separators.end() if separators else at


def _media_type(found: re.Match[str]) -> MediaTypeWithQuality:
    parameters = found["parameters"]
    quality = _quality(_parameter(parameters, "q")) if parameters else 1.0
    return MediaTypeWithQuality(found["type"].lower(), found["subtype"].lower(), quality)


def _quality(text: str | None) -> float:
    """Read a quality; one that is missing or unreadable counts as 1.

    MediaTypeWithQualityHeaderValue.Quality. A number beyond a double's range is unreadable.
    """
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    quality = float(text) if text and _NUMBER.fullmatch(text) else 1.0
    return 1.0 if quality == _SYMBOLS["Infinity"] else quality


def _parameter(parameters: str, name: str) -> str | None:
    """Return the first parameter of this name, in any case, as written; ``None`` without one."""
    for found in _PARAMETERS.finditer(parameters):
        if found["name"].lower() == name:
            return found["value"]
    return None
