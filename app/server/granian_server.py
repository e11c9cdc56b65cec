"""granian: an HTTP server in Rust, for who wants the most of a core."""

import logging
import multiprocessing
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from app.config import Settings
from app.observe import lifecycle, metering
from app.observe.logs import logging_config
from app.server.cores import cores, pin
from app.server.limits import GRACEFUL_SECONDS, HEAD_BYTES, THREADS
from app.server.signals import let_a_stop_end_new_workers


class _PinnedServer(MPServer):
    """granian with one core a worker, as ``app.server.gunicorn_conf`` has it and for its reason.

    granian has no option that tells a worker its number, so this extends a private method of the
    granian versions that setup.cfg allows; tests/server/test_servers.py holds it.
    """

    def _spawn_worker(  # type: ignore[override]  # as it is in MPServer
        self, idx: int, target: Any, callback_loader: Callable[[], Any]
    ) -> Any:
        core = cores()[idx % len(cores())]
        return super()._spawn_worker(idx, target, partial(_load, core, callback_loader))


def _load(core: int, loader: Callable[[], Any]) -> Any:
    """Pin a new worker, which starts its threads later, and load the application."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    pin(core)
    return loader()


def run(bind: str, workers: int | None, threads: int | None) -> None:
    """Serve with granian."""
    host, _, port = bind.rpartition(":")
    server = _PinnedServer(
        "wsgi:app",
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=HEAD_BYTES),
        websockets=False,
        workers=workers or len(cores()),
        # While a few wait for the GIL the others take what has come in: on a pinned core 8 threads
        # took a fifth less CPU a status than 3, and 16 no less than 8.
        blocking_threads=threads or THREADS["granian"],
        workers_kill_timeout=GRACEFUL_SECONDS,
        respawn_failed_workers=True,
        log_dictconfig=logging_config(),
    )
    # A terminal sends Ctrl-C to all, and this process then sends SIGTERM. Of two different signals
    # one of granian's threads takes both, so that a worker's main thread, which waits for one,
    # would be killed after GRACEFUL_SECONDS.
    let_a_stop_end_new_workers(blocked={signal.SIGINT})
    metrics = Settings.from_environ().metrics
    if ":" in metrics:
        # This process has a thread then, which no fork may copy.
        multiprocessing.set_start_method("spawn")
        server.on_startup(partial(metering.serve, metrics))
    log = logging.getLogger("chargecloud")
    server.on_startup(partial(lifecycle.started, log, f"http://{bind}"))
    server.on_shutdown(partial(lifecycle.stopped, log))
    server.serve()
