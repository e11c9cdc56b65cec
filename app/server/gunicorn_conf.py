"""gunicorn's settings, for ``serve`` and ``gunicorn -c python:app.gunicorn_conf wsgi:app``."""

import gc
import os
import signal
import sys
from queue import SimpleQueue
from typing import Any

from app.observe.lifecycle import on_exit as on_exit
from app.observe.lifecycle import when_ready as when_ready
from app.observe.logs import logging_config

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

bind = "127.0.0.1:8000"
workers = len(os.sched_getaffinity(0))
# Phones keep their connections, which sync closes; gthread hands each request between threads.
worker_class = "app.server.worker.EpollWorker"
# Threads wait for the GIL with a request in hand: the 99th percentile was 6 ms with one, 15 with
# three and 44 with six. But beside PostgreSQL three answer 1.4 times as many requests as one.
threads = 3
keepalive = 75
timeout = 30
graceful_timeout = 30
# Would log errors in read-only or home-less containers, and nothing here uses it.
control_socket_disable = True
# "auto" would change the parser, and what it refuses, with an optional package.
http_parser = "python"
# PROXY_HOPS says whom to believe. gunicorn believes nobody's header, so it needn't look up who
# sent it: 6 % of a status.
forwarded_allow_ips = "*"
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
logger_class = "app.observe.logs.Logger"
logconfig_dict = logging_config()
# The application answers URIs that IIS would still take.
limit_request_line = 8190
# What the workers share is imported once, and a wrong setting stops the start.
preload_app = True


def pre_fork(server: Any, worker: Any) -> None:
    """Choose the core that the fewest workers have, and share memory with the new one.

    Frozen objects are out of the collector's reach, whose marks would copy their pages.
    """
    taken = [other.core for other in server.WORKERS.values()]
    worker.core = min(sorted(os.sched_getaffinity(0)), key=taken.count)
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Pin the worker to its core.

    Left alone, the threads of one worker spread over the cores and fight for the GIL: half of
    the throughput on two free cores.
    """
    os.sched_setaffinity(0, {worker.core})
    _heed_a_stop(server.SIG_QUEUE)


def _heed_a_stop(queue: "SimpleQueue[int]") -> None:
    """End a worker that was told to stop before it listened to signals.

    Until then a signal goes into its copy of the arbiter's queue, which nobody reads, and the
    arbiter would wait for it until graceful_timeout.
    """
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)
    while not queue.empty():
        if queue.get_nowait() in _STOPS:
            sys.exit(0)
