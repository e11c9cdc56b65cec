"""Metrics for Prometheus, over all workers and their restarts.

Each process counts in a file of its own; a dead worker's file stays and keeps its counts, so that
no counter ever falls. No label holds anything that a client sent.
"""

import socket
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.host import environ as keys
from app.host.application import WebApi
from app.host.environ import Environ, WsgiApp
from schemas.resource import Resource

# A separate registry: the workers' files are the only source of values.
_OWN = CollectorRegistry()
_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
REQUESTS = Counter(
    "chargecloud_requests",
    "Requests by the answer's status and the format chosen by negotiation.",
    ("status", "format"),
    registry=_OWN,
)
SECONDS = Histogram(
    "chargecloud_request_seconds", "Time to an answer.", registry=_OWN, buckets=_BUCKETS
)
STORE_SECONDS = Histogram(
    "chargecloud_store_seconds", "Time in the store.", registry=_OWN, buckets=_BUCKETS
)
STORE_FAILURES = Counter(
    "chargecloud_store_failures", "Failed queries of the store.", registry=_OWN
)


def install(app: WebApi, with_route: bool) -> None:
    """Measure an application's store; declare /metrics if it is configured."""
    app.store.latest = _measured(app.store.latest)  # type: ignore[method-assign,assignment]
    if with_route:
        app.add_url_rule("/metrics", "metrics", _answer, exact=True)


def _answer() -> Response:
    return Response(page(), 200, content_type=CONTENT_TYPE_LATEST)


def page() -> bytes:
    """Return the metrics of all processes."""
    return generate_latest(_all_processes())


def _all_processes() -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _measured(latest: Callable[[Resource, int], Any]) -> Callable[[Resource, int], Any]:
    def measured(resource: Resource, asked: int) -> Any:
        started = perf_counter()
        try:
            return latest(resource, asked)
        except Exception:
            STORE_FAILURES.inc()
            raise
        finally:
            STORE_SECONDS.observe(perf_counter() - started)

    return measured


class Meter:
    """Counts requests and their time."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        started = perf_counter()
        status = "500"

        def start(status_line: str, *rest: Any) -> Any:
            nonlocal status
            status = status_line[:3]
            return start_response(status_line, *rest)

        try:
            return self._app(environ, start)
        finally:
            match = environ.get(keys.MATCH)
            REQUESTS.labels(status, "none" if match is None else match.media_type).inc()
            SECONDS.observe(perf_counter() - started)


class Address:
    """Answers /metrics on one address of gunicorn's, where nothing else is.

    Args:
        app: the WSGI application that answers on every other address.
        address: HOST:PORT.
    """

    def __init__(self, app: WsgiApp, address: str) -> None:
        self._app = app
        self._hosts, self._port = _addresses(address)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        if not self._is_here(environ):
            return self._app(environ, start_response)
        found = environ[keys.PATH_INFO] == "/metrics" and environ[keys.REQUEST_METHOD] == "GET"
        body = page() if found else b"Only GET /metrics is here.\n"
        kind = CONTENT_TYPE_LATEST if found else "text/plain; charset=utf-8"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response("200 OK" if found else "404 Not Found", headers)
        return [body]

    def _is_here(self, environ: Environ) -> bool:
        # Over a unix socket the client has no address, and gunicorn takes the server's from Host.
        return (
            environ[keys.SERVER_PORT] == self._port
            and environ[keys.SERVER_NAME] in self._hosts
            and bool(environ.get(keys.REMOTE_ADDR))
        )


def serve(address: str) -> None:
    """Answer metrics on an address of their own, in a thread of this process."""
    host, _, port = address.rpartition(":")
    start_http_server(int(port), host.strip("[]"), _all_processes())


def _addresses(address: str) -> tuple[set[str], str]:
    """Return the hosts that a server may say it has for an address, and the port."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port)}
    except (OSError, UnicodeError):
        found = set()
    return {host, *found}, port
