"""Refuses requests before they reach an action, as Web API's filters do.

Web API selects the action first: an unknown path or verb answers 404 or 405 to everyone. Then it
checks who this is, and only then it reads the parameters (AuthorizationFilterAttribute).
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from flask import request

from app.config import Settings
from app.errors import ConfigError, missing
from app.host import environ as keys
from app.host.access.api_keys import ApiKeys, KeyFileError
from app.host.access.hosts import allows
from app.host.application import WebApi
from app.webapi import messages
from app.webapi.http_error import HttpError, HttpResponseException


class Verifier(Protocol):
    """What ``bearer.Tokens`` does."""

    def user_id(self, token: str) -> int:
        """Return the user whom a token speaks for; raises an exception."""

    def problem(self) -> str | None:
        """Return why no token can be verified, ``None`` if one can."""


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


def _hosts(app: WebApi) -> Callable[[], None]:
    check = allows(app.settings.allowed_hosts)

    def refuse_other_hosts() -> None:
        """Answer 400 to a request for a host that is not served here."""
        if request.endpoint not in app.open_endpoints and not check(request.environ):
            raise HttpResponseException(400, HttpError(messages.INVALID_HOSTNAME))

    return refuse_other_hosts


def _keys(settings: Settings) -> ApiKeys | None:
    if not settings.api_keys_file:
        return None
    known = ApiKeys(settings.api_keys_file)
    try:
        known.names()
    except KeyFileError as error:
        raise ConfigError(f"CHARGECLOUD_API_KEYS_FILE: {error}") from None
    return known


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
    """Lets a request pass that brings a known key or a verified token."""

    def __init__(self, app: WebApi, known: ApiKeys | None, tokens: Verifier | None) -> None:
        self._app = app
        self._keys = known
        self._tokens = tokens
        offered = (("Bearer", tokens), ("ApiKey", known))
        challenge = ", ".join(scheme for scheme, used in offered if used)
        self._headers = [("WWW-Authenticate", challenge)]
        # Flask names a hook by this.
        self.__name__ = "guard"

    def __call__(self) -> None:
        """Raise HttpResponseException for a request without access."""
        error = request.routing_exception
        if request.endpoint in self._app.open_endpoints:
            return
        if error is not None and error.code != 400:
            return
        environ = request.environ
        scheme, _, token = environ.get(keys.AUTHORIZATION, "").partition(" ")
        if self._tokens and scheme.lower() == "bearer":
            self._check_token(self._tokens, token.strip())
        elif not self._keys or not self._knows(self._keys, environ.get(keys.X_API_KEY, "")):
            raise self._unauthorized()

    def _knows(self, known: ApiKeys, key: str) -> bool:
        try:
            return bool(key) and known.owner(key) is not None
        except KeyFileError as error:
            self._app.logger.error("%s", error)
            return False

    def _check_token(self, tokens: Verifier, token: str) -> None:
        try:
            own = tokens.user_id(token)
        except Exception as error:
            self._app.logger.warning("token refused: %s", error)
            raise self._unauthorized() from None
        is_action = request.url_rule in self._app.actions.values()
        # An action without user_id has no owner that a token could name.
        if is_action and request.view_args != {"user_id": own}:
            raise HttpResponseException(403, HttpError(messages.AUTHORIZATION_DENIED))

    def _unauthorized(self) -> HttpResponseException:
        return HttpResponseException(401, HttpError(messages.AUTHORIZATION_DENIED), self._headers)
