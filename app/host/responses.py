"""From a value to a response: negotiate, write."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Self

from flask import Response
from werkzeug.datastructures import Headers as WerkzeugHeaders

from app.config import Settings
from app.host import environ as keys
from app.host.data_contracts import data_contract
from app.host.environ import Environ
from app.webapi.data_contract import DataContract, Row
from app.webapi.http_error import HttpResponseException
from app.webapi.negotiation import ContentNegotiationResult, negotiate
from schemas.contract import Contract

Headers = list[tuple[str, str]]

# What the IIS host adds to every answer.
HEADERS = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))


class ReadyResponse(Response):
    """A response whose status line, headers and body stay bytes until code reads or changes it.

    Werkzeug's own takes 6 us to make and to send.
    """

    @classmethod
    def ready(cls, status: str, headers: Headers, body: bytes) -> Self:
        """Make a response of its final parts; ``headers`` hold the Content-Length."""
        response = cls.__new__(cls)
        response.__dict__["_ready"] = (status, headers, body)
        return response

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        """Answer as a WSGI application."""
        ready = self.__dict__.get("_ready")
        if ready is None:
            return super().__call__(environ, start_response)
        start_response(ready[0], ready[1])
        return [] if environ[keys.REQUEST_METHOD] == "HEAD" else [ready[2]]

    def __getattr__(self, name: str) -> Any:
        """Become a full response at the first look; Python calls this for a missing attribute."""
        if not self._unfold():
            raise AttributeError(name)
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Become a full response before the first change."""
        self._unfold()
        super().__setattr__(name, value)

    def _unfold(self) -> bool:
        ready = self.__dict__.pop("_ready", None)
        if ready is not None:
            status, headers, body = ready
            super().__init__(body, status)
            # Without the Content-Type that Werkzeug adds: a 204 has none.
            self.headers = WerkzeugHeaders(headers)
        return ready is not None


def respond(environ: Environ, contract: type[Contract], row: Row | None) -> Response:
    """Answer 200 with a contract's value, or with null for ``None``."""
    return _write(environ, data_contract(contract), row, 200, ())


def respond_nothing() -> Response:
    """Answer 204."""
    return ReadyResponse.ready(status_line(204), [*HEADERS], b"")


def respond_error(environ: Environ, settings: Settings, error: HttpResponseException) -> Response:
    """Answer an error's status with its HttpError."""
    contract, row = error.error.value(includes_detail(environ, settings))
    return _write(environ, contract, row, error.status, error.headers)


def negotiated(environ: Environ) -> ContentNegotiationResult:
    """Negotiate by a request's headers."""
    get = environ.get
    return negotiate(
        get(keys.ACCEPT),
        get(keys.ACCEPT_CHARSET),
        get(keys.X_REQUESTED_WITH),
        get(keys.CONTENT_TYPE),
    )


def includes_detail(environ: Environ, settings: Settings) -> bool:
    """Whether this client may see an error's detail (IncludeErrorDetailPolicy)."""
    if settings.error_detail != "local":
        return settings.error_detail == "always"
    try:
        return ip_address(environ.get(keys.REMOTE_ADDR, "")).is_loopback
    except ValueError:
        return False


@cache
def status_line(status: int) -> str:
    """Return a status with its phrase, as IIS writes it."""
    return f"{status} {HTTPStatus(status).phrase}"


@cache
def _headers(content_type: str) -> Headers:
    """Return the headers for one of the eight content types."""
    return [*HEADERS, ("Content-Type", content_type)]


def _write(
    environ: Environ,
    contract: DataContract,
    row: Row | None,
    status: int,
    more: Sequence[tuple[str, str]],
) -> Response:
    result = negotiated(environ)
    environ[keys.MATCH] = result.match
    body = result.match.formatter.write(contract, row, result.charset)
    length = ("Content-Length", str(len(body)))
    return ReadyResponse.ready(
        status_line(status), [*_headers(result.content_type), length, *more], body
    )
