"""Asks the application itself, as a client would, and explains how its answer was chosen."""

import io
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from app.docs.samples import format_of
from app.host.application import WebApi
from app.host.environ import MATCH
from app.webapi.negotiation import Match, Ranking
from app.webapi.routing import HttpActionDescriptor

HEADERS: Final = ("Accept", "Accept-Charset", "X-Requested-With")
"""The headers that the form chooses."""
PRESETS: Final[Mapping[str, Mapping[str, str]]] = {
    "Browser": {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
    "jQuery": {
        "Accept": "application/json, text/javascript, */*; q=0.01",
        "X-Requested-With": "XMLHttpRequest",
    },
    "XML client": {"Accept": "application/xml"},
    # HttpURLConnection's. A lone * is malformed, so the whole header counts as absent.
    "Java's default": {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},
}
"""What usual clients send."""
CHOICES: Final[Mapping[str, list[str]]] = {
    "Accept": [
        *("application/json", "text/json", "application/xml", "text/xml", "*/*"),
        *(preset["Accept"] for preset in PRESETS.values() if preset["Accept"] != "application/xml"),
    ],
    "Accept-Charset": ["utf-8", "utf-16"],
    "X-Requested-With": ["XMLHttpRequest"],
}
"""What the form suggests for each header."""
_RULES: Final[Mapping[Ranking, str]] = {
    Ranking.MAPPING: "X-Requested-With says that a script of a browser asks, and Accept asks for"
    " nothing in particular: such requests get JSON.",
    Ranking.LITERAL: "Accept names this media type.",
    Ranking.SUBTYPE_RANGE: "Accept has a range, such as text/*, that covers this media type.",
    Ranking.ALL_RANGE: "Accept has */*, which covers everything: the first formatter writes.",
    Ranking.REQUEST_TYPE: "Accept decides nothing; the request's own Content-Type has this format.",
    Ranking.TYPE: "No header decides: the first formatter that can write the value does.",
}
# Headers that name the client, and headers with credentials.
_KEPT: Final = ("REMOTE_", "SERVER_", "HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "wsgi.")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer as they are on the wire, and the rule that chose the format."""

    target: str
    sent: list[tuple[str, str]]
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    match: Match | None

    def curl(self, root: str) -> str:
        """Return the curl command that sends the same; ``root`` is the scheme and the host."""
        sent = dict(self.sent)
        # Without this, curl sends an Accept of its own.
        headers = sent if "Accept" in sent else {"Accept": "", **sent}
        return curl(f"{root}{self.target}", headers)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-16" if self.body.startswith(b"\xff\xfe") else "utf-8")

    @property
    def format(self) -> str:
        """The body's format: json or xml, "" where none was negotiated."""
        return "" if self.match is None else format_of(self.match.formatter)

    @property
    def start(self) -> str:
        """The body's first bytes, in hexadecimal."""
        return self.body[:16].hex(" ")

    @property
    def rule(self) -> str | None:
        """The rule of the negotiation."""
        return None if self.match is None else _RULES[self.match.ranking]


def curl(url: str, headers: Mapping[str, str]) -> str:
    """Return a curl command for a shell; a header without a value is not sent."""
    lines = [f"{name}: {text}" if text else f"{name}:" for name, text in headers.items()]
    options = [part for line in lines for part in ("-H", shlex.quote(line))]
    return " ".join(["curl", "-i", *options, shlex.quote(url)])


def ask(
    app: WebApi, action: HttpActionDescriptor, value: str, headers: Mapping[str, str], caller: Any
) -> Exchange:
    """Send a request through the whole application, in the name of whom ``caller`` describes.

    Args:
        app: the application.
        action: the action of the request.
        value: the parameter's value, whatever was typed.
        headers: those of ``HEADERS`` that are not empty are sent.
        caller: the WSGI environment of the reader's own request.
    """
    path = f"{app.settings.base_path.rstrip('/')}/{action.controller}/{action.action}"
    query = f"{action.parameter}={quote(value, safe='')}"
    sent = [(name, _sendable(text)) for name in HEADERS if (text := headers.get(name, ""))]
    environ: dict[str, Any] = {
        **{key: kept for key, kept in caller.items() if key.startswith(_KEPT)},
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in sent},
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": f"{path}?{query}",
        "wsgi.input": io.BytesIO(),
    }
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        started.append((status, headers))

    body = _read(app.wsgi_app(environ, start_response))  # type: ignore[arg-type]
    status, received = started[0]
    match = environ.get(MATCH)
    return Exchange(environ["RAW_URI"], sent, status, [*received], body, match)


def _sendable(text: str) -> str:
    """Return a header with ``?`` for what it can't hold."""
    return "".join(c if " " <= c < "\x7f" else "?" for c in text)


def _read(chunks: Iterable[bytes]) -> bytes:
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
