"""waitress: one process in plain Python, for Windows, and for slow clients without nginx."""

import logging.config
import select
import signal
import sys
from typing import Any, NoReturn

import click
import waitress

from app.config import Settings
from app.observe import lifecycle, metering
from app.observe.logs import logging_config
from app.server.limits import CONNECTIONS, HEAD_BYTES, KEEP_ALIVE_SECONDS, THREADS
from wsgi import app


def run(bind: str, workers: int | None, threads: int | None) -> None:
    """Serve with waitress. Raises UsageError for more than one worker."""
    if workers is not None and workers > 1:
        raise click.UsageError("--server waitress is one process: it takes --workers 1 only")
    logging.config.dictConfig(logging_config())
    signal.signal(signal.SIGTERM, _stop)
    metrics = Settings.from_environ().metrics
    if ":" in metrics:
        metering.serve(metrics)
    log = logging.getLogger("chargecloud")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # waitress stops at a KeyboardInterrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    lifecycle.started(log, f"http://{bind}")
    waitress.serve(
        app,
        listen=bind,
        threads=threads or THREADS["waitress"],
        channel_timeout=KEEP_ALIVE_SECONDS,
        connection_limit=CONNECTIONS["waitress"],
        # select() takes no descriptor above 1,023; Windows has no poll() and counts otherwise.
        asyncore_use_poll=hasattr(select, "poll"),
        # waitress refuses a head of this size.
        max_request_header_size=HEAD_BYTES + 1,
        # ProxyFix handles forwarded headers (PROXY_HOPS).
        clear_untrusted_proxy_headers=False,
    )
    lifecycle.stopped(log)


def _stop(number: int, frame: Any) -> NoReturn:
    """Let waitress answer what it has begun, as at Ctrl-C."""
    sys.exit(0)
