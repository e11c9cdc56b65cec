"""The commands that fill and empty the store."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.store.store import Store
from app.store.transfer import reading, records

_STEP = 1_000


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@click.option("--user-id", type=int, help="Whose processes these are, where a file doesn't say.")
@with_appcontext
def import_(files: Sequence[Any], user_id: int | None) -> None:
    """Import processes from JSON lines, JSON arrays or XML answers.

    All or nothing for each file. A process replaces the one with its process_id.
    """
    for file in files:
        with (
            _bar(reading.size_of(file), file.name) as moved,
            reading.processes(file, file.name, user_id, _store().holds_nul, moved) as read,
        ):
            count = _store().replace(read)
        click.echo(f"{file.name}: {count} processes")


@click.command("export")
@with_appcontext
def export() -> None:
    """Write all processes as JSON lines, by user and process id."""
    store = _store()
    # On one terminal the lines and the bar would mix.
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    with _bar(store.count() if shown else None, "export") as moved:
        for number, stored in enumerate(store.all(), 1):
            sys.stdout.write(records.line(stored))
            if moved is not None and number % _STEP == 0:
                moved(number)


@contextmanager
def _bar(length: int | None, label: str) -> Iterator[Callable[[int], None] | None]:
    """Show a bar on a terminal, where the end is known; gives what moves it to a place."""
    if not (length and sys.stderr.isatty()):
        yield None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield lambda place: bar.update(place - bar.pos)
        bar.update(length - bar.pos)


def _store() -> Store:
    return cast(Store, current_app.store)  # type: ignore[attr-defined]
