"""gunicorn's settings, for ``serve`` and ``gunicorn -c python:app.gunicorn_conf wsgi:app``."""

import gc
from itertools import chain
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http.errors import LimitRequestHeaders

from app.observe import lifecycle
from app.observe.logs import logging_config
from app.server.cores import cores, pin
from app.server.limits import (
    CONNECTIONS,
    GRACEFUL_SECONDS,
    HEAD_BYTES,
    KEEP_ALIVE_SECONDS,
    THREADS,
)
from app.server.signals import let_a_stop_end_new_workers


class Logger(GunicornLogger):
    """Logs everything but requests, of which ``RequestLog`` writes the lines."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log nothing: a ``logconfig_dict`` alone would turn it on, at 20 us a request."""


bind = "127.0.0.1:8000"
workers = len(cores())
# gunicorn's own worker class for kept connections, which polling phones need.
worker_class = "gthread"
# Measured with the request log on: 2 threads answer a seventh less, 8 double the 99th percentile.
threads = THREADS["gunicorn"]
worker_connections = CONNECTIONS["gunicorn"]
keepalive = KEEP_ALIVE_SECONDS
timeout = 30
graceful_timeout = GRACEFUL_SECONDS
# Would log errors in read-only or home-less containers, and nothing here uses it.
control_socket_disable = True
# "auto" would change the parser, and what it refuses, with an optional package.
http_parser = "python"
# ProxyFix handles forwarded headers (PROXY_HOPS); gunicorn's own handling is off. As it believes
# no header, it needn't look up who sent it: 6 % of a status.
forwarded_allow_ips = "*"
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
logger_class = Logger
logconfig_dict = logging_config()
# The application answers URIs that IIS would still take, and any verb.
limit_request_line = 8190
permit_unconventional_http_method = True
# http.sys counts bytes, not headers. The head as a whole is measured in pre_request.
limit_request_field_size = HEAD_BYTES
limit_request_fields = 512
# What the workers share is imported once, and a wrong setting stops the start.
preload_app = True


def on_starting(server: Any) -> None:
    """Lose no signal of a worker that starts."""
    let_a_stop_end_new_workers()


def pre_fork(server: Any, worker: Any) -> None:
    """Choose the core that the fewest workers have, and share memory with the new one.

    Frozen objects are out of the collector's reach, whose marks would copy their pages.
    """
    taken = [other.core for other in server.WORKERS.values()]
    worker.core = min(cores(), key=taken.count)
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Pin the worker to its core."""
    pin(worker.core)


def pre_request(worker: Any, request: Any) -> None:
    """Refuse a head that http.sys would refuse, before it is read: gunicorn answers 431."""
    fields = len("".join(chain.from_iterable(request.headers)))
    fields += len(": \r\n") * len(request.headers)
    if len(f"{request.method} {request.uri} HTTP/1.1\r\n\r\n") + fields > HEAD_BYTES:
        raise LimitRequestHeaders(f"more than {HEAD_BYTES} bytes")


def when_ready(server: Any) -> None:
    """Say what serves where."""
    lifecycle.started(server.log, ", ".join(map(str, server.LISTENERS)))


def on_exit(server: Any) -> None:
    """Say that the service has stopped."""
    lifecycle.stopped(server.log)
