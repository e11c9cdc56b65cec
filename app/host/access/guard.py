"""Refuses requests before they reach an action, as Web API's filters do.

Web API selects the action first: an unknown path or verb answers 404 or 405 to everyone. Then it
checks who this is, and only then it reads the parameters (AuthorizationFilterAttribute).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from flask import Response, request

from app.config import Settings
from app.errors import ConfigError, missing
from app.host.access.api_keys import ApiKeys, KeyFileError
from app.host.access.hosts import allows
from app.host.application import WebApi
from app.host.responses import respond_error
from app.webapi import messages
from app.webapi.http_error import HttpError, HttpResponseException


class Verifier(Protocol):
    """What ``bearer.Tokens`` does."""

    def user_id(self, token: str) -> int:
        """Return the user whom a token speaks for; raises an exception."""

    def problem(self) -> str | None:
        """Return why no token can be believed, ``None`` if one can."""


def install(app: WebApi) -> None:
    """Install the hooks that the settings ask for; none by default. Raises ConfigError."""
    settings = app.settings
    if settings.allowed_hosts:
        app.before_request(_hosts(app))
    if settings.api_keys_file or settings.jwt_jwks:
        tokens = _tokens(settings)
        app.before_request(Guard(app, _keys(settings), tokens))
        if tokens is not None:
            app.checks["jwks"] = tokens.problem


def _hosts(app: WebApi) -> Callable[[], Response | None]:
    check = allows(app.settings.allowed_hosts)

    def refuse_other_hosts() -> Response | None:
        """Answer 400 to a request for a host that is not served here."""
        if request.endpoint in app.open_endpoints or check(request.environ):
            return None
        return _refusal(app, 400, messages.INVALID_HOSTNAME)

    return refuse_other_hosts


def _keys(settings: Settings) -> ApiKeys | None:
    if not settings.api_keys_file:
        return None
    keys = ApiKeys(settings.api_keys_file)
    try:
        keys.names()
    except KeyFileError as error:
        raise ConfigError(f"CHARGECLOUD_API_KEYS_FILE: {error}") from None
    return keys


def _tokens(settings: Settings) -> Verifier | None:
    if not settings.jwt_jwks:
        return None
    for name in ("jwt_issuer", "jwt_audience"):
        if not getattr(settings, name):
            raise ConfigError(f"CHARGECLOUD_JWT_JWKS also needs CHARGECLOUD_{name.upper()}")
    try:
        bearer = import_module("app.host.access.bearer")
    except ModuleNotFoundError as error:
        raise ConfigError(f"CHARGECLOUD_JWT_JWKS {missing(error)}") from None
    tokens: Verifier = bearer.Tokens(
        settings.jwt_jwks,
        settings.jwt_issuer,
        settings.jwt_audience,
        settings.jwt_algorithms,
        settings.jwt_user_claim,
    )
    # A file can be read now; whoever publishes a URL may be away for a moment.
    if "://" not in settings.jwt_jwks and (problem := tokens.problem()):
        raise ConfigError(f"CHARGECLOUD_JWT_JWKS: {problem}")
    return tokens


class Guard:
    """Lets a request pass that brings a known key or a believed token."""

    def __init__(self, app: WebApi, keys: ApiKeys | None, tokens: Verifier | None) -> None:
        self._app = app
        self._keys = keys
        self._tokens = tokens
        offered = (("Bearer", tokens), ("ApiKey", keys))
        self._challenge = ", ".join(scheme for scheme, used in offered if used)
        # Flask names a hook by this.
        self.__name__ = "guard"

    def __call__(self) -> Response | None:
        """Return a refusal, or ``None``."""
        error = request.routing_exception
        if request.endpoint in self._app.open_endpoints:
            return None
        if error is not None and error.code != 400:
            return None
        environ = request.environ
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if self._tokens and scheme.lower() == "bearer":
            return self._check_token(self._tokens, token.strip())
        if self._keys and self._knows(self._keys, environ.get("HTTP_X_API_KEY", "")):
            return None
        return self._unauthorized()

    def _knows(self, keys: ApiKeys, key: str) -> bool:
        try:
            return bool(key) and keys.owner(key) is not None
        except KeyFileError as error:
            self._app.logger.error("%s", error)
            return False

    def _check_token(self, tokens: Verifier, token: str) -> Response | None:
        try:
            own = tokens.user_id(token)
        except Exception as error:
            self._app.logger.warning("token refused: %s", error)
            return self._unauthorized()
        is_open = request.url_rule not in self._app.actions.values()
        # An action without user_id has no owner that a token could name.
        if is_open or request.view_args == {"user_id": own}:
            return None
        return _refusal(self._app, 403, messages.AUTHORIZATION_DENIED)

    def _unauthorized(self) -> Response:
        response = _refusal(self._app, 401, messages.AUTHORIZATION_DENIED)
        response.headers["WWW-Authenticate"] = self._challenge
        return response


def _refusal(app: WebApi, status: int, message: str) -> Response:
    return respond_error(
        request.environ, app.settings, HttpResponseException(status, HttpError(message))
    )
