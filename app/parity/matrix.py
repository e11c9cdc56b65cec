"""The built-in matrix: what clients of a Web API were seen to send, for each user."""

from collections.abc import Iterator
from typing import Final

from app.parity.recording import Headers, Request
from app.webapi.routing import HttpActionDescriptor

_ACCEPT: Final = (
    None,
    "",
    "*/*",
    "application/json",
    "text/json",
    "application/xml",
    "text/xml",
    "application/*",
    "text/*",
    "APPLICATION/XML",
    "image/png",
    "*",
    "application/json;",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/json, text/javascript, */*; q=0.01",
    "application/xml, text/xml, */*; q=0.01",
    "application/xml;q=0.5, application/json;q=0.4",
    "application/json;q=0, application/xml;q=0",
    "text/xml;q=0.3, */*;q=0.8",
    'application/xml;q="0.4", text/json;q=.5',
    "application/xml;charset=utf-16",
    "application/xml;level=1;q=1.5, text/json",
)
_CHARSETS: Final = (
    "utf-8",
    "utf-16",
    "UTF-16",
    "*",
    "iso-8859-1",
    "utf-16;q=0.5, utf-8;q=0.4",
    ";",
)
_HEADERS: Final[tuple[Headers, ...]] = (
    (("X-Requested-With", "XMLHttpRequest"),),
    (("X-Requested-With", "xmlhttprequest"), ("Accept", "*/*")),
    (("X-Requested-With", "XMLHttpRequest"), ("Accept", "text/xml")),
    (("Content-Type", "application/xml"),),
    (("Content-Type", "text/json; charset=utf-16"),),
    (("Accept", "text/xml"), ("Accept", "application/json")),
)
_PATHS: Final = (
    "/{lower}",
    "/{upper}",
    "/{path}/",
    "/{escaped}{rest}",
    "/./{path}",
    "/{controller}/nothing/../{action}",
    "/{controller}",
    "/{controller}/Nothing",
    "/Nothing/{action}",
    "/{path}/Nothing",
)
_QUERIES: Final = (
    "?{UPPER}={user}",
    "?{name}[]={user}",
    "?{name}[0]={user}",
    "?{name}.x={user}",
    "?{name}=%2B{user}",
    "?{name}=+{user}+",
    "?{name}=%20{user}",
    "?{name}=0x{user}",
    "?{name}={user}&{name}=0",
    "?{name}=&{name}={user}",
    "?other=1&{name}={user}",
    "?{name}={user};other=1",
    "?{name}={user}.0",
    "?{name}=none",
    "?{name}=2147483648",
    "?{name}",
    "?",
    "",
)
_XML: Final = (("Accept", "application/xml"),)

PLAIN: Final = ("application/json", "application/xml")
"""The Accept headers of a user's requests without the matrix."""

SIZE: Final = len(_ACCEPT) + 2 * len(_CHARSETS) + len(_HEADERS) + len(_PATHS) + len(_QUERIES)
"""How many requests the matrix has for each user."""


def plain(action: HttpActionDescriptor, user: int) -> Iterator[tuple[str, Request]]:
    """Yield a user's requests without the matrix, one for JSON and one for XML, with tags."""
    target = f"/{action.controller}/{action.action}?{action.parameter}={user}"
    for accept in PLAIN:
        yield accept.partition("/")[2], Request("GET", target, (("Accept", accept),))


def matrix(action: HttpActionDescriptor, user: int) -> Iterator[tuple[str, Request]]:
    """Yield a user's requests, each with the tag of what it varies."""
    path = f"/{action.controller}/{action.action}"
    target = f"{path}?{action.parameter}={user}"
    for accept in _ACCEPT:
        yield "accept", _get(target, () if accept is None else (("Accept", accept),))
    for charset in _CHARSETS:
        for media_type in ("application/json", "text/xml"):
            yield "charset", _get(target, (("Accept", media_type), ("Accept-Charset", charset)))
    for headers in _HEADERS:
        yield "header", _get(target, headers)
    for pattern in _PATHS:
        written = pattern.format_map(_names(action, user))
        yield "route", _get(f"{written}?{action.parameter}={user}", ())
    for pattern in _QUERIES:
        yield "bind", _get(path + pattern.format_map(_names(action, user)), _XML)


def _get(target: str, headers: Headers) -> Request:
    return Request("GET", target, headers)


def _names(action: HttpActionDescriptor, user: int) -> dict[str, object]:
    path = f"{action.controller}/{action.action}"
    return {
        "path": path,
        "escaped": f"%{ord(path[0]):02X}",
        "rest": path[1:],
        "lower": path.lower(),
        "upper": path.upper(),
        "controller": action.controller,
        "action": action.action,
        "name": action.parameter,
        "UPPER": action.parameter.upper(),
        "user": user,
    }
