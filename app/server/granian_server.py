"""granian: an HTTP server in Rust, for who wants the most of a core."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

from app.server import gunicorn_conf

# While a few wait for the GIL the others take what has come in: on a pinned core 8 threads took a
# fifth less CPU a status than 3, and 16 no less than 8.
_THREADS = 8


class _PinnedServer(MPServer):
    """granian with one core a worker, as ``app.server.gunicorn_conf`` has it and for its reason."""

    def _spawn_worker(  # type: ignore[override]  # as it is in MPServer
        self, idx: int, target: Any, callback_loader: Callable[[], Any]
    ) -> Any:
        cores = sorted(os.sched_getaffinity(0))
        pinned = partial(_load, cores[idx % len(cores)], callback_loader)
        return super()._spawn_worker(idx, target, pinned)


def _load(core: int, loader: Callable[[], Any]) -> Any:
    """Pin a new worker, which starts its threads later, and load the application."""
    os.sched_setaffinity(0, {core})
    return loader()


def run(bind: str, workers: int, threads: int | None) -> None:
    """Serve with granian, with gunicorn's settings where it has them."""
    host, _, port = bind.rpartition(":")
    _PinnedServer(
        "wsgi:app",
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        blocking_threads=threads or _THREADS,
        workers_kill_timeout=gunicorn_conf.graceful_timeout,
        respawn_failed_workers=True,
    ).serve()
