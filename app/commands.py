"""The application's own commands: serve, import, export."""

import sys
from collections.abc import Sequence
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app import demo
from app.host import WebApi
from app.server import Server
from app.store import records


@click.command("serve")
@click.option("--bind", metavar="HOST:PORT", help="Where to listen.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes; one a core.")
@click.option("--threads", type=click.IntRange(1), help="Threads of each worker.")
@click.option("--demo", "with_demo", is_flag=True, help="Fill an empty store with examples.")
@with_appcontext
def serve(bind: str | None, workers: int | None, threads: int | None, with_demo: bool) -> None:
    """Serve with gunicorn until SIGTERM or SIGINT."""
    app = _app()
    server = Server(bind=bind, workers=workers, threads=threads)
    if with_demo:
        _fill(app, server.cfg.bind[0])
    sys.argv[1:] = []
    server.run()


def _fill(app: WebApi, address: str) -> None:
    if not demo.fill(app.store):
        click.echo(f"{app.store} holds processes already: nothing is put into it.")
    click.echo(demo.hints(address, app.settings.base_path))


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@click.option("--user-id", type=int, help="Whose processes these are, where a file doesn't say.")
@with_appcontext
def import_(files: Sequence[Any], user_id: int | None) -> None:
    """Take processes from JSON lines, JSON arrays or captured XML answers; - is standard input.

    All or nothing for each file. A process replaces the one with its process_id.
    """
    for file in files:
        count = _app().store.replace(records.read(file, file.name, user_id))
        click.echo(f"{file.name}: {count} processes")


@click.command("export")
@with_appcontext
def export() -> None:
    """Write all processes as JSON lines, by user and process id."""
    for stored in _app().store.all():
        sys.stdout.write(records.line(stored))


def _app() -> WebApi:
    return cast(WebApi, current_app._get_current_object())  # type: ignore[attr-defined]
