"""gunicorn's settings, for ``serve`` and ``gunicorn -c python:app.gunicorn_conf wsgi:app``."""

import os

bind = "127.0.0.1:8000"
workers = len(os.sched_getaffinity(0))
# Phones keep their connections, which sync closes; gthread hands each request between threads.
worker_class = "app.worker.EpollWorker"
threads = 4
keepalive = 75
timeout = 30
graceful_timeout = 30
# Would log errors in read-only or home-less containers, and nothing here uses it.
control_socket_disable = True
# "auto" would change the parser, and what it refuses, with an optional package.
http_parser = "python"
# The application answers URIs that IIS would still take.
limit_request_line = 8190
