"""The servers that ``chargecloud serve`` runs."""

from collections.abc import Callable
from importlib import import_module

import click

from app.errors import missing

Run = Callable[[str, int, int | None], None]
"""Serves ``wsgi:app`` on HOST:PORT with so many workers and threads each, until told to stop.

``None`` stands for the threads that suit the server.
"""

SERVERS = {"gunicorn": "app.server.gunicorn_server", "granian": "app.server.granian_server"}


def load(name: str) -> Run:
    """Return a server's ``run``; raises ClickException when it is not installed."""
    try:
        run: Run = import_module(SERVERS[name]).run
    except ModuleNotFoundError as error:
        raise click.ClickException(f"--server {name} {missing(error)}") from None
    return run
