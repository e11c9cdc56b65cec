"""Action selection: the route ``{controller}/{action}``, controllers, actions, verbs.

What is wrong with a request is found in the order of the functions here: no route, unknown
controller, unknown action, unreadable query, missing parameter, wrong verb, unreadable parameter
(HttpRoute, DefaultHttpControllerSelector, ApiControllerActionSelector, and model binding).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from app.webapi import messages
from app.webapi.binding import JQuerySyntaxError, first_value, int32
from app.webapi.http_error import (
    bad_request,
    internal_server_error,
    method_not_supported,
    not_found,
)
from app.webapi.uri import RequestUri, canonical_path, unescape

_Value = TypeVar("_Value")
_REMEMBERED_LENGTH = 256

# HttpMethodHelper.GetHttpMethod: these in any case; any other token is a method as it is written.
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"})

# ParsedRoute.Match for {controller}/{action}: the action may itself be a slash that follows the
# separator, and all that remains must be separators.
_ROUTE = re.compile(r"(?P<controller>[^/]+|/)/(?P<action>[^/]+|/)/*", re.S)


# Compared and hashed by identity: it is a key for every request.
@dataclass(frozen=True, slots=True, eq=False)
class HttpActionDescriptor:
    """An action with one Int32 parameter from the query, answering GET.

    ``controller`` and ``action`` are the names that route to it, ``parameter`` is in lower case;
    ``method`` and ``controller_type`` are the CLR's names, for an error's detail.
    """

    controller: str
    action: str
    parameter: str
    method: str
    controller_type: str


class ActionSelector:
    """Finds the action for a request among those declared.

    Args:
        actions: the actions; names of controllers and actions match in any ASCII case.
        base_path: the virtual directory that the application lives under, ``/`` or ``/Name``.
    """

    def __init__(self, actions: Iterable[HttpActionDescriptor], base_path: str = "/") -> None:
        self._base = base_path.strip("/").lower()
        self._controllers: dict[str, dict[str, HttpActionDescriptor]] = {}
        for action in actions:
            named = self._controllers.setdefault(action.controller.lower(), {})
            named[action.action.lower()] = action
        self._remembered = lru_cache(maxsize=1024)(self._find)

    def find(self, path: str) -> HttpActionDescriptor | str:
        """Find the action for a path, or return the detail of its 404.

        A pure function, whose latest results for short paths are remembered.

        Args:
            path: as it was sent, escaped and without a query.
        """
        return self._remembered(path) if len(path) <= _REMEMBERED_LENGTH else self._find(path)

    def _find(self, path: str) -> HttpActionDescriptor | str:
        relative = self.relative_path(path)
        route = None if relative is None else _ROUTE.fullmatch(relative)
        if route is None:
            return messages.NO_ROUTE_DATA
        actions = _lookup(self._controllers, route["controller"])
        if actions is None:
            return messages.CONTROLLER_NOT_FOUND.format(controller=route["controller"])
        action = _lookup(actions, route["action"])
        if action is None:
            controller = next(iter(actions.values())).controller
            return messages.ACTION_NAME_NOT_FOUND.format(
                controller=controller, action=route["action"]
            )
        return action

    def relative_path(self, path: str) -> str | None:
        """Return the decoded path below the base path, ``None`` for a path outside of it.

        HttpRoute.CreateRoutingContext puts a slash before the decoded path and takes off the
        virtual root and one slash, so one doubled slash at the start is forgiven.
        """
        decoded = unescape(canonical_path(path))
        root = "/" + self._base
        start, rest = decoded[: len(root)], decoded[len(root) :]
        if self._base and not (start.isascii() and start.lower() == root and rest[:1] in ("", "/")):
            return None
        return rest.removeprefix("/")


def http_method(method: str) -> str:
    """Return a request's method as Web API knows it: ``get`` is ``GET``, ``foo`` stays."""
    if method in _METHODS:
        return method
    upper = method.upper()
    return upper if upper in _METHODS and method.isascii() else method


def bind(action: HttpActionDescriptor, method: str, query: str | None, uri: RequestUri) -> int:
    """Return the action's argument from the query; ``uri`` is for what goes wrong.

    Args:
        action: the action that the path names.
        method: the request's method, as http_method() returns it.
        query: what followed the ``?``, ``None`` without one.
        uri: the request's URI, which the text of a 404 shows.

    Raises HttpResponseException: 500 where the query can't be read, 404 without the parameter,
    405 for another verb than GET, 400 when the parameter can't be read.
    """
    try:
        text = first_value(query, action.parameter)
    except JQuerySyntaxError as error:
        raise internal_server_error() from error
    if text is None:
        raise not_found(uri, messages.ACTION_NOT_FOUND.format(controller=action.controller))
    if method != "GET":
        raise method_not_supported(method, ["GET"])
    try:
        return int32(text)
    except ValueError:
        detail = messages.MISSING_PARAMETER.format(
            parameter=action.parameter,
            type="System.Int32",
            method=action.method,
            controller=action.controller_type,
        )
        raise bad_request(detail) from None


def _lookup(named: Mapping[str, _Value], name: str) -> _Value | None:
    """Look a name up in any ASCII case: OrdinalIgnoreCase folds no other letter to an ASCII one."""
    return named.get(name.lower()) if name.isascii() else None
