"""One line a request, and its request id: a thin layer around the whole application.

No logging.LogRecord is made: a line is formatted once and written at once. Each text in it that a
client may have chosen goes through JSON's escapes, so that no header and no path forges a line.
"""

import os
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from time import perf_counter
from typing import Any, cast

from app.host.environ import (
    MATCH,
    MATCHED,
    REMOTE_ADDR,
    REQUEST_ID,
    REQUEST_METHOD,
    X_REQUEST_ID,
    Environ,
    WsgiApp,
)
from app.observe import request_id

Line = Callable[[Environ, str, int | None, float], str]
"""Formats (environ, status, bytes, seconds)."""

_LONGEST = 512
_METHOD = re.compile(r"[A-Za-z_-]{1,64}")


def write(line: str) -> None:
    """Write to standard output at once; a reader that went away fails no request."""
    try:  # noqa: SIM105  suppress() costs twice as much as the rest of this function
        os.write(1, line.encode("ascii", "backslashreplace"))
    except OSError:
        pass


class RequestLog:
    """Gives each request an id, returns it as ``X-Request-ID``, and writes one line.

    Args:
        app: the WSGI application to call.
        line: formats a request's line; ``None`` writes no lines.
        emit: takes each line.
    """

    def __init__(
        self, app: WsgiApp, line: Line | None, emit: Callable[[str], None] = write
    ) -> None:
        self._app = self.__wrapped__ = app
        self._line = line
        self._emit = emit
        self._make_id = request_id.maker()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        started = perf_counter()
        name = environ.get(X_REQUEST_ID)
        if name is None or not request_id.is_sane(name):
            name = self._make_id()
        environ[REQUEST_ID] = name
        status = "500"
        sent: Any = ()

        def start(status_line: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal status, sent
            status = status_line
            sent = headers
            headers.append(("X-Request-ID", name))
            if exc_info is None:
                return start_response(status_line, headers)
            return start_response(status_line, headers, exc_info)

        body: Any = None
        try:
            body = self._app(environ, start)
            return cast(Iterable[bytes], body)
        finally:
            if self._line is not None:
                length = len(body[0]) if type(body) is list and body else _length(body, sent)
                self._emit(self._line(environ, status, length, perf_counter() - started))


def _length(body: Any, headers: Iterable[tuple[str, str]]) -> int | None:
    """Return how many bytes the body has, ``None`` where only its reading would tell."""
    if body == []:
        return 0
    return next((int(v) for k, v in headers if k.lower() == "content-length"), None)


_second = (0, "")


def utc() -> str:
    """Return the time in UTC as ISO 8601 with milliseconds; formats once a second."""
    global _second
    now = time.time()
    second, text = _second
    whole = int(now)
    if second != whole:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole))
        _second = (whole, text)
    return f"{text}{int((now - whole) * 1000):03d}Z"


def json_line(environ: Environ, status: str, length: int | None, seconds: float) -> str:
    """Format a request as one JSON object."""
    matched = environ.get(MATCHED)
    match = environ.get(MATCH)
    route = "null" if matched is None else quote(matched[0].rule)
    chosen = _CHOSE_NOTHING if match is None else _chosen(match)
    return (
        f'{{"time":"{utc()}","level":"info","message":"request",'
        f'"method":{_method(environ[REQUEST_METHOD])},"route":{route},'
        f'"status":{status[:3]},{chosen},"bytes":{"null" if length is None else length},'
        f'"ms":{seconds * 1000:.3f},"request_id":"{environ[REQUEST_ID]}",'
        f'"client":{quote(environ.get(REMOTE_ADDR, "")[:_LONGEST])}}}\n'
    )


@lru_cache(maxsize=32)
def _method(name: str) -> str:
    """Return a method as JSON, ``"?"`` for what may be a target in its place."""
    return quote(name) if _METHOD.fullmatch(name) else '"?"'


_CHOSE_NOTHING = '"format":null,"ranking":null'


def _chosen(match: Any) -> str:
    return f'"format":"{match.media_type}","ranking":"{match.ranking.name.lower()}"'


def json_line_with_user_id(
    environ: Environ, status: str, length: int | None, seconds: float
) -> str:
    """Format a request as one JSON object, with the user id."""
    name, value = _asked(environ, "null")
    return f'{json_line(environ, status, length, seconds)[:-2]},"{name}":{value}}}\n'


def text_line(environ: Environ, status: str, length: int | None, seconds: float) -> str:
    """Format a request for people."""
    matched, match = environ.get(MATCHED), environ.get(MATCH)
    route = "-" if matched is None else matched[0].rule
    chosen = "-" if match is None else f"{match.media_type} ({match.ranking.name.lower()})"
    method = _method(environ[REQUEST_METHOD])[1:-1]
    client = quote(environ.get(REMOTE_ADDR, "")[:_LONGEST])[1:-1]
    return (
        f"{utc()[11:23]} {status[:3]} {method} {route} {chosen}"
        f" {'?' if length is None else length} B {seconds * 1000:.1f} ms"
        f" {client} {environ[REQUEST_ID]}\n"
    )


def text_line_with_user_id(
    environ: Environ, status: str, length: int | None, seconds: float
) -> str:
    """Format a request for people, with the user id."""
    name, value = _asked(environ, "-")
    return f"{text_line(environ, status, length, seconds)[:-1]} {name}={value}\n"


def _asked(environ: Environ, unknown: str) -> tuple[str, int | str]:
    """Return the name and value of an action's argument; those of other addresses are texts."""
    matched = environ.get(MATCHED)
    for name, value in () if matched is None else matched[1].items():
        if isinstance(value, int):
            return name, value
    return "user_id", unknown


LINES: dict[tuple[str, bool], Line] = {
    ("json", False): json_line,
    ("json", True): json_line_with_user_id,
    ("text", False): text_line,
    ("text", True): text_line_with_user_id,
}
"""(format, with user_id) -> what formats a request."""
