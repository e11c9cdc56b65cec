"""granian: an HTTP server in Rust, for who wants the most of a core."""

from granian.constants import HTTPModes, Interfaces
from granian.server import Server

from app import gunicorn_conf


def run(bind: str, workers: int, threads: int) -> None:
    """Serve with granian, with gunicorn's settings where it has them."""
    host, _, port = bind.rpartition(":")
    Server(
        "wsgi:app",
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        blocking_threads=threads,
        workers_kill_timeout=gunicorn_conf.graceful_timeout,
        respawn_failed_workers=True,
    ).serve()
