"""The formats of logs: each parses lines into requests."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.parity.recording import Headers

_NEGOTIATING: Final = ("Accept", "Accept-Charset", "X-Requested-With", "Content-Type")
"""The headers that choose an answer. Personal data and credentials are never read."""
_KEPT: Final = {name.lower(): name for name in _NEGOTIATING}

_COMBINED: Final = re.compile(r'[^"]*"([^ "]+) ([^ "]+)(?: HTTP/[0-9.]+)?" ')
_LOGGED: Final = re.compile(r'\S+ [^\[]*\[[^\]]+\] "(?:[^"\\]|\\.)*" \d{3}\b')
_URL: Final = re.compile(r"(?:([A-Z]+) )?((?:https?://|/)\S*)", re.I)
_REQUEST_LINE: Final = re.compile(r"(\S+) (\S+)(?: HTTP/[0-9.]+)?")
_ESCAPED: Final = re.compile(r"\\x([0-9a-fA-F]{2})")
# A plus sign is a blank only where one can be: next to a comma, a semicolon, "=", or an end.
_BLANK: Final = re.compile(r"(?:(?<=[,;=])|^)\++|\++(?=[,;=]|$)")

METHODS: Final = (
    "request.method",
    "request_method",
    "method",
    "properties.CsMethod",
    "CsMethod",
    "properties.httpMethod",
    "httpMethod",
)
URLS: Final = (
    "request.uri",
    "request_uri",
    "uri",
    "url",
    "properties.CsUriStem",
    "CsUriStem",
    "properties.originalRequestUriWithArgs",
    "originalRequestUriWithArgs",
    "properties.requestUri",
    "requestUri",
)
QUERIES: Final = ("args", "query_string", "properties.CsUriQuery", "CsUriQuery")
QUERIES_OF_GATEWAYS: Final = ("properties.requestQuery", "requestQuery")
HEADERS: Final = ("request.headers", "headers")
"""Where Caddy, nginx and Azure's services name things in their JSON, inside dotted names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A logged request; ``has_accept`` says whether the log would show an Accept header."""

    method: str
    target: str
    headers: Headers = ()
    has_accept: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The fields of JSON lines, as dotted names, if they are not the known ones."""

    method: str | None = None
    url: str | None = None
    headers: str | None = None


def is_w3c(line: str) -> bool:
    """Whether a line is one of an IIS log: a directive, or the date and time of a request."""
    return re.match(r"#[\w-]+:|\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d[ \t]", line) is not None


def w3c_fields(line: str) -> list[str] | None:
    """Return the fields that a directive names, ``None`` if it names none."""
    return line.split()[1:] if line.startswith("#Fields:") else None


def w3c(lines: Iterable[str], fields: list[str]) -> Iterator[Entry | None]:
    """Yield the request of each line of an IIS log, ``None`` for one that can't be read.

    ``fields`` are those of lines before the first directive that names them.
    """
    names = fields
    for line in lines:
        if line.startswith("#"):
            names = w3c_fields(line) or names
        elif line:
            values = line.split("\t" if "\t" in line else " ")
            named = dict(zip(map(str.lower, names), values, strict=False))
            is_read = len(values) == len(names) and {"cs-method", "cs-uri-stem"} <= named.keys()
            yield _of_w3c(named) if is_read else None


def combined(lines: Iterable[str]) -> Iterator[Entry | None]:
    """Yield the request of each line of a combined or common access log."""
    for line in lines:
        if found := _COMBINED.match(line):
            # Servers write bytes that are no ASCII as \xHH.
            yield _entry(found[1], _ESCAPED.sub(r"%\1", found[2]))
        elif line.strip():
            yield None


def is_combined(line: str) -> bool:
    """Whether a line is one of a combined or common access log, also of one without a request."""
    return (_COMBINED.match(line) or _LOGGED.match(line)) is not None


def urls(lines: Iterable[str]) -> Iterator[Entry | None]:
    """Yield the request of each line of a list: a URL or a path, perhaps after a method."""
    for line in lines:
        if found := _URL.fullmatch(line.strip()):
            yield _entry((found[1] or "GET").upper(), found[2])
        elif line.strip() and not line.startswith("#"):
            yield None


def is_url(line: str) -> bool:
    """Whether a line is one of a list of URLs."""
    return _URL.fullmatch(line.strip()) is not None


def json_lines(lines: Iterable[str], names: Names) -> Iterator[Entry | None]:
    """Yield the request of each line's object."""
    for line in lines:
        if line.strip():
            made = parsed(line)
            yield _of_json(made, names) if isinstance(made, dict) else None


def har(entries: Iterable[Any]) -> Iterator[Entry | None]:
    """Yield the request of each entry of a HAR file."""
    for item in entries:
        asked = item.get("request") if isinstance(item, dict) else None
        if isinstance(asked, dict) and isinstance(asked.get("method"), str):
            headers = _headers(asked.get("headers")) or ()
            yield _entry(asked["method"], str(asked.get("url", "")), headers, True)
        else:
            yield None


def parsed(text: str) -> object:
    """Return a JSON text's value, ``None`` if it is none or hostile."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _entry(method: str, url: str, headers: Headers = (), has_accept: bool = False) -> Entry | None:
    """Make an entry of an absolute URL, or of what follows its host."""
    if not url.lower().startswith(("http://", "https://")):
        return Entry(method, url, headers, has_accept)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Entry(method, target, headers, has_accept)


def _of_w3c(named: dict[str, str]) -> Entry | None:
    query = named.get("cs-uri-query", "-")
    target = named["cs-uri-stem"] + ("" if query == "-" else f"?{query}")
    headers = tuple(
        (name, _BLANK.sub(lambda found: " " * len(found[0]), value))
        for name in _NEGOTIATING
        if (value := _w3c_header(named, name)) not in (None, "-")
    )
    has_accept = _w3c_header(named, "Accept") is not None
    return _entry(named["cs-method"], target, headers, has_accept)


def _w3c_header(named: dict[str, str], name: str) -> str | None:
    """Return a request's header; a custom field may have its bare name.

    A field ``Content-Type`` may as well be the answer's.
    """
    fields = [f"cs({name})"] if name == "Content-Type" else [f"cs({name})", name]
    return next((named[field.lower()] for field in fields if field.lower() in named), None)


def _of_json(made: dict[str, Any], names: Names) -> Entry | None:
    method = _first(made, (names.method,) if names.method else METHODS)
    url = _first(made, (names.url,) if names.url else URLS)
    if line := _REQUEST_LINE.fullmatch(str(made.get("request"))):
        method, url = method or line[1], url or line[2]
    if not isinstance(method, str) or not isinstance(url, str):
        return None
    query = _query(made)
    if query and "?" not in url:
        url = f"{url}?{query}"
    found = _first(made, (names.headers,) if names.headers else HEADERS)
    headers = _headers(found)
    if headers is None:
        headers = _of_nginx(made)
        return _entry(method, url, headers, "http_accept" in made)
    return _entry(method, url, headers, True)


def _query(made: dict[str, Any]) -> str:
    query = _first(made, QUERIES)
    if query is None:
        query = _first(made, QUERIES_OF_GATEWAYS)
        # The first generation of gateways writes notes of its own here.
        if str(query).startswith("X-AzureApplicationGateway-"):
            return ""
    return query.removeprefix("?") if isinstance(query, str) and query != "-" else ""


def _of_nginx(made: dict[str, Any]) -> Headers:
    """Return the headers of fields such as ``http_accept``, nginx's own names for them."""
    named = {name: made.get(f"http_{name.lower().replace('-', '_')}") for name in _NEGOTIATING}
    return tuple((name, str(text)) for name, text in named.items() if text not in (None, "", "-"))


def _headers(found: object) -> Headers | None:
    """Read headers as an object or as a list of names and values; ``None`` if there are none."""
    if isinstance(found, dict):
        pairs = [*found.items()]
    elif isinstance(found, list):
        pairs = [(item.get("name"), item.get("value")) for item in found if isinstance(item, dict)]
    else:
        return None
    return tuple(
        (_KEPT[str(name).lower()], str(value))
        for name, values in pairs
        if str(name).lower() in _KEPT
        for value in (values if isinstance(values, list) else [values])
    )


def _first(made: dict[str, Any], names: Iterable[str]) -> object:
    return next((found for name in names if (found := _at(made, name)) is not None), None)


def _at(made: object, name: str) -> object:
    """Return the value at a dotted name; an object may be written as a text within."""
    if isinstance(made, str):
        made = parsed(made)
    if not isinstance(made, dict):
        return None
    if name in made:
        return made[name]
    dots = [at for at, character in enumerate(name) if character == "."]
    parts = ((name[:at], name[at + 1 :]) for at in dots)
    return next((_at(made[first], rest) for first, rest in parts if first in made), None)
