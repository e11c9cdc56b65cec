"""The one catch: any exception becomes an HttpError, which is negotiated and written like data."""

from http import HTTPStatus

from flask import Response, request
from werkzeug.exceptions import HTTPException, SecurityError

from app.errors import StoreError
from app.host.application import WebApi
from app.host.matching import NotMatched, uri_of
from app.host.responses import respond_error
from app.webapi import messages
from app.webapi.http_error import (
    HttpError,
    HttpResponseException,
    internal_server_error,
    method_not_supported,
    not_found,
)


def register(app: WebApi) -> None:
    """Answer every failure of the application's requests."""

    def handle(error: Exception) -> Response:
        return respond_error(request.environ, app.settings, _http_error(app, error))

    app.register_error_handler(Exception, handle)


def _http_error(app: WebApi, error: Exception) -> HttpResponseException:
    if isinstance(error, NotMatched):
        error = error.error
    if isinstance(error, HttpResponseException):
        if error.__cause__ is not None:
            app.logger.warning("a request can't be answered: %s", error.__cause__)
        return error
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return _from_werkzeug(error, error.code)
    if isinstance(error, StoreError):
        app.logger.error("%s", error)
    else:
        app.logger.error("%s failed", request.endpoint, exc_info=error)
    return internal_server_error()


def _from_werkzeug(error: HTTPException, code: int) -> HttpResponseException:
    """What Flask refuses, or an extension aborts with."""
    if isinstance(error, SecurityError):
        return HttpResponseException(400, HttpError(messages.INVALID_HOSTNAME))
    if code == 404:
        return not_found(uri_of(request.environ), messages.NO_ROUTE_DATA)
    if code == 405:
        return method_not_supported(request.method, getattr(error, "valid_methods", None) or ())
    # Werkzeug's own texts are no part of Web API: only what the extension says is shown.
    said = error.description if error.description != type(error).description else None
    return HttpResponseException(code, HttpError(said or HTTPStatus(code).phrase))
