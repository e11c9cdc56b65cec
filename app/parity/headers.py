"""Which headers of two answers are compared, and how."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.parity.difference import Difference, Kind
from app.parity.recording import Answer, Headers

RECORDED: Final = ("Content-Type", "Allow")
"""The headers that recordings made before 1.1 hold."""

NOT_COMPARED: Final = (
    "Date",
    "Server",
    "X-Request-ID",
    "X-Powered-By",
    "X-AspNet-Version",
    "X-AspNetMvc-Version",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Connection",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)
"""What each answer has of its own, what IIS adds of itself, and what is a connection's."""

_LISTED: Final = frozenset(map(str.lower, NOT_COMPARED))
_COOKIE: Final = re.compile(r"^([^=;]*)=[^;]+")
_EXPIRES: Final = re.compile(r"(;\s*expires=)[^;]*", re.I)
_OWN: Final = {"content-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class ComparedHeaders:
    """All headers but a stated few, or only some.

    Attributes:
        only: the headers that are compared; ``None`` for all but ``NOT_COMPARED``.
        more: headers that are compared although they are on that list.
    """

    only: tuple[str, ...] | None = None
    more: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether a header is compared."""
        wanted = name.lower()
        if self.only is not None:
            return wanted in map(str.lower, self.only)
        return wanted in map(str.lower, self.more) or wanted not in _LISTED

    def differences(self, expected: Answer, found: Answer) -> Iterator[Difference]:
        """Yield a difference for each header that is not there as often with the same values.

        Names match in any case. ``Content-Type`` that occurs once on both sides, what encodes the
        body and its length are left to who compares bodies.
        """
        olds, news = _by_name(expected.headers), _by_name(found.headers)
        names = {name.lower(): name for name, _ in (*found.headers, *expected.headers)}
        for key, name in names.items():
            old, new = olds.get(key, []), news.get(key, [])
            is_once = key == "content-type" and len(old) == len(new) == 1
            if old != new and key not in _OWN and not is_once and self.has(name):
                yield Difference(Kind.HEADER, name, _shown(old), _shown(new))

    def left_out(self, answer: Answer) -> set[str]:
        """Return the names of an answer's headers that are not compared."""
        return {name for name, _ in answer.headers if not self.has(name)}


def without_cookie_values(headers: Headers) -> Headers:
    """Return headers with nothing of a cookie but its name, attributes, and whether it is empty.

    Values are a session's own: they never repeat, and they are secrets. ``Expires`` moves with
    the time of the answer.
    """
    return tuple((name, _compared(name.lower(), value)) for name, value in headers)


def _by_name(headers: Headers) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(_compared(name.lower(), value))
    return found


def _compared(name: str, value: str) -> str:
    if name != "set-cookie":
        return value
    return _EXPIRES.sub(r"\1...", _COOKIE.sub(r"\1=...", value))


def _shown(values: list[str]) -> str | None:
    return " | ".join(values) if values else None
