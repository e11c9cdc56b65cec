"""Content negotiation: the steps of DefaultContentNegotiator, which are not the RFC's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cmp_to_key, lru_cache

from app.webapi.formatter import ENCODINGS, MediaTypeFormatter
from app.webapi.headers import (
    ContentType,
    MediaTypeWithQuality,
    parse_accept,
    parse_accept_charset,
    parse_content_type,
)
from app.webapi.json_formatter import JsonFormatter
from app.webapi.xml_formatter import XmlFormatter

_REMEMBERED_LENGTH = 1024
"""Up to how many characters of headers a negotiation is remembered."""
_HTTP_SYS_LENGTH = 16_384
"""A request's head that http.sys still takes, in bytes."""

JSON = JsonFormatter()
XML = XmlFormatter()
FORMATTERS: tuple[MediaTypeFormatter, ...] = (JSON, XML)


class Ranking(Enum):
    """Which rule made a match (MediaTypeFormatterMatchRanking)."""

    MAPPING = "X-Requested-With"
    LITERAL = "Accept: a media type"
    SUBTYPE_RANGE = "Accept: a subtype range"
    ALL_RANGE = "Accept: */*"
    REQUEST_TYPE = "Content-Type of the request"
    TYPE = "the first that can write the type"


@dataclass(frozen=True, slots=True)
class Match:
    """How well a formatter matches a request (MediaTypeFormatterMatch)."""

    ranking: Ranking
    quality: float
    media_type: str
    formatter: MediaTypeFormatter


@dataclass(frozen=True, slots=True)
class ContentNegotiationResult:
    """The match that won, and the charset to write in (``utf-8`` or ``utf-16``)."""

    match: Match
    charset: str
    content_type: str
    """The answer's ``Content-Type``."""


def negotiate(
    accept: str | None = None,
    accept_charset: str | None = None,
    requested_with: str | None = None,
    content_type: str | None = None,
) -> ContentNegotiationResult:
    """Choose formatter, media type and charset from the request's four headers.

    Args:
        accept: ``Accept``; occurrences joined by commas; ``None`` when absent.
        accept_charset: ``Accept-Charset``, likewise.
        requested_with: ``X-Requested-With``.
        content_type: the request's own ``Content-Type``.

    Never raises, and never answers 406. A pure function, whose latest results for short headers
    are remembered; a client can displace but not falsify them. Headers of more characters than
    http.sys takes in a request's head count as absent: Web API never sees them.
    """
    # Added up by hand, in half the time of sum(): this is done for every answer.
    length = len(accept or "") + len(accept_charset or "")
    length += len(requested_with or "") + len(content_type or "")
    if length > _HTTP_SYS_LENGTH:
        return negotiate()
    decide = _remembered if length <= _REMEMBERED_LENGTH else _negotiate
    return decide(accept, accept_charset, requested_with, content_type)


def _negotiate(
    accept: str | None,
    accept_charset: str | None,
    requested_with: str | None,
    content_type: str | None,
) -> ContentNegotiationResult:
    accepted = parse_accept(accept)
    request_type = parse_content_type(content_type)
    matches = compute_formatter_matches(accepted, requested_with, request_type)
    match = select_response_media_type_formatter(matches)
    charset = select_response_character_encoding(accept_charset, request_type)
    return ContentNegotiationResult(match, charset, f"{match.media_type}; charset={charset}")


_remembered = lru_cache(maxsize=256)(_negotiate)


def compute_formatter_matches(
    accepted: Sequence[MediaTypeWithQuality],
    requested_with: str | None,
    request_type: ContentType | None,
) -> list[Match]:
    """Return each formatter's one match, by the first rule that applies to it.

    DefaultContentNegotiator.ComputeFormatterMatches. Mapping, ``Accept``, the request's own type,
    and that the formatter can write the value's type.
    """
    by_quality = sort_by_quality(accepted)
    return [
        _match_mapping(formatter, accepted, requested_with)
        or _match_accept(formatter, by_quality)
        or _match_request_type(formatter, request_type)
        or Match(Ranking.TYPE, 1.0, formatter.media_types[0], formatter)
        for formatter in FORMATTERS
    ]


def sort_by_quality(accepted: Iterable[MediaTypeWithQuality]) -> list[MediaTypeWithQuality]:
    """Sort stably: best quality first, full types before ``type/*`` before ``*/*``.

    MediaTypeWithQualityHeaderValueComparer, for which NaN equals any quality.
    """
    return sorted(accepted, key=cmp_to_key(_compare))


def _compare(first: MediaTypeWithQuality, second: MediaTypeWithQuality) -> int:
    if first.quality > second.quality:
        return -1
    if first.quality < second.quality:
        return 1
    return _width(first) - _width(second)


def _width(value: MediaTypeWithQuality) -> int:
    return 2 if value.is_all_range else value.is_subtype_range


def select_response_media_type_formatter(matches: Iterable[Match]) -> Match:
    """Select the best match: a mapping, then ``Accept``, then the request's type, then any.

    DefaultContentNegotiator.SelectResponseMediaTypeFormatter. A mapping yields to a better
    quality. ``matches`` is not empty, in the formatters' order.
    """
    best: dict[Ranking, Match] = {}
    for match in matches:
        best[match.ranking] = _better(best.get(match.ranking), match)
    from_accept = None
    for ranking in (Ranking.LITERAL, Ranking.SUBTYPE_RANGE, Ranking.ALL_RANGE):
        if ranking in best:
            from_accept = _better(from_accept, best[ranking])
    mapping = best.get(Ranking.MAPPING)
    if mapping and from_accept:
        return _better(mapping, from_accept)
    return mapping or from_accept or best.get(Ranking.REQUEST_TYPE) or best[Ranking.TYPE]


def select_response_character_encoding(
    accept_charset: str | None, request_type: ContentType | None
) -> str:
    """Select ``utf-8`` or ``utf-16``: by ``Accept-Charset``, the request's charset, or utf-8.

    DefaultContentNegotiator.SelectResponseCharacterEncoding.
    """
    by_quality = sorted(
        parse_accept_charset(accept_charset), key=lambda value: (-value.quality, value.value == "*")
    )
    for value in by_quality:
        if value.quality and value.value in (*ENCODINGS, "*"):
            return "utf-8" if value.value == "*" else value.value
    asked = ((request_type and request_type.charset) or "").lower()
    return asked if asked in ENCODINGS else "utf-8"


def _better(best: Match | None, match: Match) -> Match:
    """Replace the best only by a strictly higher quality."""
    return match if best is None or match.quality > best.quality else best


def _match_mapping(
    formatter: MediaTypeFormatter,
    accepted: Sequence[MediaTypeWithQuality],
    requested_with: str | None,
) -> Match | None:
    """XmlHttpRequestHeaderMapping: a script's request without a specific Accept gets JSON."""
    asks_nothing = not accepted or (len(accepted) == 1 and accepted[0].is_all_range)
    if formatter is JSON and asks_nothing and "xmlhttprequest" in (requested_with or "").lower():
        return Match(Ranking.MAPPING, 1.0, formatter.media_types[0], formatter)
    return None


def _match_accept(
    formatter: MediaTypeFormatter, by_quality: Iterable[MediaTypeWithQuality]
) -> Match | None:
    for value in by_quality:
        if not value.quality:
            continue
        for media_type in formatter.media_types:
            if value.covers(media_type):
                return Match(_accept_ranking(value), value.quality, media_type, formatter)
    return None


def _accept_ranking(value: MediaTypeWithQuality) -> Ranking:
    if value.is_all_range:
        return Ranking.ALL_RANGE
    return Ranking.SUBTYPE_RANGE if value.is_subtype_range else Ranking.LITERAL


def _match_request_type(
    formatter: MediaTypeFormatter, request_type: ContentType | None
) -> Match | None:
    for media_type in formatter.media_types:
        if request_type and request_type.media_type.covers(media_type):
            return Match(Ranking.REQUEST_TYPE, 1.0, media_type, formatter)
    return None
