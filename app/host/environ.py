"""WSGI: its types, and the keys of a request's environment that the service reads and adds.

PEP 3333 names the keys that servers set; the request's own headers are ``HTTP_`` and their name.
"""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Middleware = Callable[[WsgiApp], WsgiApp]
"""Wraps a WSGI application into another one."""

REQUEST_METHOD = "REQUEST_METHOD"
URL_SCHEME = "wsgi.url_scheme"
SERVER_NAME = "SERVER_NAME"
SERVER_PORT = "SERVER_PORT"
REMOTE_ADDR = "REMOTE_ADDR"
PATH_INFO = "PATH_INFO"
QUERY_STRING = "QUERY_STRING"
RAW_URI = "RAW_URI"
"""The request's target as it was sent: gunicorn's key."""
REQUEST_URI = "REQUEST_URI"
"""The same: the key of waitress, uWSGI, mod_wsgi and Werkzeug. granian has neither."""

HOST = "HTTP_HOST"
ACCEPT = "HTTP_ACCEPT"
ACCEPT_CHARSET = "HTTP_ACCEPT_CHARSET"
AUTHORIZATION = "HTTP_AUTHORIZATION"
X_API_KEY = "HTTP_X_API_KEY"
X_REQUEST_ID = "HTTP_X_REQUEST_ID"
X_REQUESTED_WITH = "HTTP_X_REQUESTED_WITH"
CONTENT_TYPE = "CONTENT_TYPE"

MATCH = "chargecloud.match"
"""The chosen formatter and its ranking: a ``negotiation.Match``."""
MATCHED = "chargecloud.matched"
"""The route: (``werkzeug.routing.Rule``, its arguments)."""
REQUEST_ID = "chargecloud.request_id"
"""The request's id: a text that is safe in a header and in a line of the log."""
