"""DefaultContentNegotiator's truth tables; the recordings hold 900 more rows."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webapi.negotiation import Ranking, negotiate

_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "media_type", "ranking"),
    [
        (None, "application/json", Ranking.TYPE),
        ("*/*", "application/json", Ranking.ALL_RANGE),
        ("application/json", "application/json", Ranking.LITERAL),
        ("text/json", "text/json", Ranking.LITERAL),
        ("application/xml", "application/xml", Ranking.LITERAL),
        ("text/xml", "text/xml", Ranking.LITERAL),
        ("text/*", "text/json", Ranking.SUBTYPE_RANGE),
        ("application/*", "application/json", Ranking.SUBTYPE_RANGE),
        ("text/html", "application/json", Ranking.TYPE),
        ("*/xml", "application/json", Ranking.TYPE),
        ("application/json;q=0", "application/json", Ranking.TYPE),
        ("application/json;q=0, */*", "application/json", Ranking.ALL_RANGE),
        ("application/json;version=2", "application/json", Ranking.LITERAL),
        ("text/xml, application/xml", "text/xml", Ranking.LITERAL),
        ("application/xml, application/json", "application/json", Ranking.LITERAL),
        ("application/xml;q=0.5, */*;q=0.5", "application/xml", Ranking.LITERAL),
        ("text/xml;q=0.8, application/*;q=0.8", "text/xml", Ranking.LITERAL),
        ("application/xml;q=0.4, text/*;q=0.5", "text/json", Ranking.SUBTYPE_RANGE),
        ("application/json;q=0.001, text/xml;q=0.0011", "text/xml", Ranking.LITERAL),
        ("application/xml;q=1.5, application/json", "application/xml", Ranking.LITERAL),
        ("application/xml;q=Infinity, application/json", "application/xml", Ranking.LITERAL),
        ("application/json;q=-Infinity, text/*;q=0.1", "text/json", Ranking.SUBTYPE_RANGE),
        ("application/json;q=-Infinity", "application/json", Ranking.LITERAL),
        ("application/xml;q=NaN, application/json", "application/json", Ranking.LITERAL),
        ("application/xml, application/json;q=NaN", "application/json", Ranking.LITERAL),
        ("application/xml;q=NaN", "application/xml", Ranking.LITERAL),
        ("text/xml;q=infinity, text/json;q=.9", "text/xml", Ranking.LITERAL),
        (f"text/xml;q={'9' * 310}, text/json", "text/json", Ranking.LITERAL),
        (f"text/xml;q={'9' * 308}, text/json", "text/xml", Ranking.LITERAL),
        ("application/xml, text/xml, */*; q=0.01", "application/xml", Ranking.LITERAL),
        ("text/html, *; q=.2, */*; q=.2, text/xml", "application/json", Ranking.TYPE),
        (_BROWSER, "application/xml", Ranking.LITERAL),
    ],
)
def test_accept_chooses(accept: str | None, media_type: str, ranking: Ranking) -> None:
    """The match says media type and rule."""
    match = negotiate(accept).match

    assert (match.media_type, match.ranking) == (media_type, ranking)


@pytest.mark.parametrize(
    ("accept", "requested_with", "ranking"),
    [
        (None, "XMLHttpRequest", Ranking.MAPPING),
        ("*/*", "xmlhttprequest2", Ranking.MAPPING),
        ("*/*;q=0.1", "XMLHttpRequest", Ranking.MAPPING),
        ("foo", "XMLHttpRequest", Ranking.MAPPING),
        ("*/*, */*", "XMLHttpRequest", Ranking.ALL_RANGE),
        ("*/*", "com.example.app", Ranking.ALL_RANGE),
        ("text/xml", "XMLHttpRequest", Ranking.LITERAL),
    ],
)
def test_a_script_gets_json_when_it_asks_nothing(
    accept: str | None, requested_with: str, ranking: Ranking
) -> None:
    """X-Requested-With counts only without Accept or with a single */*."""
    assert negotiate(accept, requested_with=requested_with).match.ranking is ranking


@pytest.mark.parametrize(
    ("accept", "content_type", "media_type"),
    [
        (None, "text/xml", "text/xml"),
        ("text/html", "application/xml; charset=bogus", "application/xml"),
        ("text/html", "text/*", "text/json"),
        ("*/*", "text/xml", "application/json"),
        (None, "text/plain", "application/json"),
    ],
)
def test_the_requests_own_type_chooses_after_accept(
    accept: str | None, content_type: str, media_type: str
) -> None:
    """Content-Type counts where Accept matched nothing."""
    assert negotiate(accept, content_type=content_type).match.media_type == media_type


@pytest.mark.parametrize(
    ("accept_charset", "content_type", "charset"),
    [
        (None, None, "utf-8"),
        ("utf-16", None, "utf-16"),
        ("UTF-16;q=0.5, utf-8;q=0.4", None, "utf-16"),
        ("*, utf-16", None, "utf-16"),
        ("*;q=1, utf-16;q=0.9", None, "utf-8"),
        ("utf-16;q=0", None, "utf-8"),
        ("utf-16BE, us-ascii", None, "utf-8"),
        ("utf-16;q=2", None, "utf-8"),
        ("bogus", "text/xml; charset=UTF-16", "utf-16"),
        (None, 'text/xml; charset="utf-16"', "utf-8"),
    ],
)
def test_charset(accept_charset: str | None, content_type: str | None, charset: str) -> None:
    """Accept-Charset chooses, then the request's charset, then utf-8."""
    result = negotiate("text/xml", accept_charset, content_type=content_type)

    assert result.charset == charset
    assert result.content_type == f"text/xml; charset={charset}"


_HEADER = st.none() | st.text(st.characters(max_codepoint=255))


@given(_HEADER, _HEADER, _HEADER, _HEADER)
def test_any_headers_get_an_answer(
    accept: str | None, accept_charset: str | None, requested_with: str | None, kind: str | None
) -> None:
    """The negotiator never raises and never refuses."""
    result = negotiate(accept, accept_charset, requested_with, kind)

    assert result.match.media_type in result.match.formatter.media_types


def test_what_is_remembered_is_bounded_in_bytes() -> None:
    """Whatever clients send, it takes less than a megabyte; long headers are not kept at all."""
    tracemalloc.start()
    try:
        for number in range(1000):
            negotiate(f"text/x{number},".ljust(1000, ","))
        after_short = tracemalloc.get_traced_memory()[0]
        for number in range(100):
            negotiate(f"text/x{number},".ljust(16_000, ","))
            negotiate(f"text/x{number},".ljust(100_000, ","))
        after_long = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert after_short < 1_000_000
    assert after_long - after_short < 16_000


@pytest.mark.parametrize("spread", [False, True])
def test_what_http_sys_refuses_is_not_parsed(spread: bool) -> None:
    """Ninety lines of 8 KB count as absent, and take no time that grows with them."""
    accept = ",".join(["text/xml," * 900] * 90)
    asked = (accept[: len(accept) // 2],) * 2 if spread else (accept, None)
    started = time.thread_time()

    results = [negotiate(*asked) for _ in range(100)]

    assert time.thread_time() - started < 0.1
    assert {result.match.ranking for result in results} == {Ranking.TYPE}


def test_the_longest_header_that_http_sys_takes_counts() -> None:
    """Up to 16,384 characters."""
    accept = "application/xml" + "," * (16_384 - 15)

    assert negotiate(accept).match.media_type == "application/xml"
    assert negotiate(accept + ",").match.media_type == "application/json"
