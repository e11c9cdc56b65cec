"""No request can make the rules cost more than its length: time grows as the input does."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from app.webapi.binding import JQuerySyntaxError, first_value, int32
from app.webapi.headers import parse_accept, parse_accept_charset, parse_content_type
from app.webapi.routing import ActionSelector, HttpActionDescriptor
from app.webapi.uri import RequestUri, canonical_path
from app.webapi.xml_formatter import escape

_SELECTOR = ActionSelector([HttpActionDescriptor("C", "A", "p", "M", "T")], "/Base")

_SMALL, _TIMES = 1000, 8
# Eight times the input costs 8 times the time where that is linear, 64 times where it is quadratic.
_ALLOWED = 24


def _int32(text: str) -> None:
    with suppress(ValueError):
        int32(text)


def _shown(target: str) -> str:
    return str(RequestUri("http", "h", target))


def _shown_host(host: str) -> str:
    return str(RequestUri("http", host, "/"))


def _query(query: str) -> None:
    with suppress(JQuerySyntaxError):
        first_value(query, "user_id")


def _find(path: str) -> None:
    _SELECTOR.find(path)


# What stands before, what is repeated, what stands behind.
_HEADERS = [
    *["·a·", "·a ·", "a· ·/", "a/b· \t·x", "·,·x", "· ,·x", "·a/b,·c", "·a/b;c=d,·"],
    *["a/b·;c=d·;", "a/b·;c=d·", "a/b·;c·=", 'a/b· ; c = "d"·="', 'a/b;c="·\\·', 'a/b;c="·\\·"'],
    *['a/b;c="·\\"·', 'a/b;c="·d·', 'a/b;c="·,·', 'a/b;c="·\\é·', "a/b;q=·1·x", "a/b;q=·0·.x"],
    *["a/b;q=0.·1·", "a/b;q=·.1·", "a;q=·0·x", "a;q=0.·0·.", "·a;q=1,·;", "a/b;·q·"],
    *["a/b·;qq=1·;q=1", "a/·b/·"],
]
_PATHS = [
    *["/·/·", "/·a·", "/·a/·", "/·../·", "/·./·..", "/a·/a/..·", "/·%2e%2E/·", "/·%·", "/·%2·"],
    *["/·%41·", "/·%41%·", "/·\\·", "/·%ff·", "/·%9e·", "/·%f0%9f·", "/·%e2%82%ac·"],
    *["/?·%9e%41·", "/base·/·a", "/?·?·#", "/c/a·/·x", "http://h·:·/", "http://·a·"],
]
_QUERIES = [
    *["·&·", "·=·", "·a·", "·a=b&·", "·[·", "·[]·", "·a[b]·", "·[&·=", "·%5b·", "user_id=·%·"],
    *["user_id=·+·", "·%75ser_id%5B&·"],
]
_NUMBERS = [
    *["·0·", "·9·", "·0·x", "· ·", "1· ·x", "1·\x00·x", "1·\x00 ·", "0x·0·", "0x·f·", "0x·0·g"],
    *["·0x·", "·+·", "-·0· \x00 "],
]
_HOSTS = [
    *["·:·", "·a.·", "·a·", "·0·", "·0.·", "h:·0·", "h:·0·80", "[·:·]", "[·0:·]", "[·f·]"],
    *["[::1%·a·]", "·[·", "·]·"],
]
_TEXTS = [
    *["·&·", "·\r\n·", "·\r·", "·\x00·", "·a·&"],
]

_RULES: dict[Callable[[str], object], list[str]] = {
    parse_accept: _HEADERS,
    parse_accept_charset: _HEADERS,
    parse_content_type: _HEADERS,
    _find: _PATHS,
    _shown: _PATHS,
    canonical_path: _PATHS,
    _query: _QUERIES,
    _int32: _NUMBERS,
    _shown_host: _HOSTS,
    escape: _TEXTS,
}


def _seconds(rule: Callable[[str], object], text: str) -> float:
    """Return the least of some runs: others on the machine can only add to one."""
    runs = []
    for _ in range(4):
        started = time.thread_time()
        rule(text)
        runs.append(time.thread_time() - started)
    return min(runs)


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_time_grows_as_the_input_does(rule: Callable[[str], object]) -> None:
    """Eight times the input takes about eight times as long, whatever it repeats."""
    slow = {}
    for shape in _RULES[rule]:
        before, repeated, after = shape.split("·")
        small, large = (before + repeated * size + after for size in (_SMALL, _SMALL * _TIMES))
        ratio = min(_seconds(rule, large) / _seconds(rule, small) for _ in range(2))
        if ratio > _ALLOWED:
            slow[shape] = ratio

    assert slow == {}
