"""From a value to a response: negotiate, write."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from flask import Response

from app.config import Settings
from app.host.data_contracts import data_contract
from app.host.environ import MATCH
from app.host.lean import Headers, ReadyResponse
from app.webapi.data_contract import DataContract, Row
from app.webapi.http_error import HttpResponseException
from app.webapi.negotiation import ContentNegotiationResult, negotiate
from schemas.contract import Contract

# What the IIS host adds to every answer.
HEADERS = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))


def respond(environ: dict[str, Any], contract: type[Contract], row: Row | None) -> Response:
    """Answer 200 with a contract's value, or with null for ``None``."""
    return _write(environ, data_contract(contract), row, 200, ())


def respond_nothing() -> Response:
    """Answer 204."""
    return ReadyResponse.ready(status_line(204), [*HEADERS], b"")


def respond_error(
    environ: dict[str, Any], settings: Settings, error: HttpResponseException
) -> Response:
    """Answer an error's status with its HttpError."""
    contract, row = error.error.value(includes_detail(environ, settings))
    allow = () if error.allow is None else (("Allow", error.allow),)
    return _write(environ, contract, row, error.status, allow)


def negotiated(environ: dict[str, Any]) -> ContentNegotiationResult:
    """Negotiate by a request's headers."""
    get = environ.get
    return negotiate(
        get("HTTP_ACCEPT"),
        get("HTTP_ACCEPT_CHARSET"),
        get("HTTP_X_REQUESTED_WITH"),
        get("CONTENT_TYPE"),
    )


def includes_detail(environ: dict[str, Any], settings: Settings) -> bool:
    """Whether this client may see an error's detail (IncludeErrorDetailPolicy)."""
    if settings.error_detail != "local":
        return settings.error_detail == "always"
    try:
        return ip_address(environ.get("REMOTE_ADDR", "")).is_loopback
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
    environ: dict[str, Any],
    contract: DataContract,
    row: Row | None,
    status: int,
    more: Sequence[tuple[str, str]],
) -> Response:
    result = negotiated(environ)
    environ[MATCH] = result.match
    body = result.match.formatter.write(contract, row, result.charset)
    length = ("Content-Length", str(len(body)))
    return ReadyResponse.ready(
        status_line(status), [*_headers(result.content_type), length, *more], body
    )
