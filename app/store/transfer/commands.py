"""The commands that fill and empty the store."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import click
from flask.cli import with_appcontext

from app.errors import CommandError
from app.store.command_line import current_store, report, resource_named
from app.store.transfer import reading, records
from app.store.transfer.record_error import printable

_STEP = 1_000
_CONTRACT = click.option(
    "--contract",
    metavar="NAME",
    help="The contract of the values.  [default: that of the first action]",
)


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE...",
)
@click.option(
    "--user-id", "--for", "asked", type=int, help="The query parameter (user_id), if FILE lacks it."
)
@_CONTRACT
@with_appcontext
def import_(files: Sequence[str], asked: int | None, contract: str | None) -> None:
    """Import values from JSON lines, JSON arrays or captured XML answers.

    A FILE of - is standard input. Each file is imported completely or not at all; a
    value replaces the stored one with the same key (process_id).
    """
    store = current_store()
    resource = resource_named(store.tables, contract)
    for name in files:
        with (
            cast(Any, click.open_file(name, "rb")) as file,
            _bar(reading.size_of(file), printable(file.name)) as moved,
            reading.values(file, file.name, resource, asked, store.holds_nul, moved) as read,
        ):
            count = store.replace(resource, read)
        report(f"{printable(file.name)}: {count} {resource.plural}")


@click.command("export")
@_CONTRACT
@with_appcontext
def export(contract: str | None) -> None:
    """Write all values as JSON lines.

    They are ordered by query parameter (user_id), then by key (process_id).
    """
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    store = current_store()
    resource = resource_named(store.tables, contract)
    line = records.writer(resource)
    # On one terminal the lines and the bar would mix.
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    with _bar(store.count(resource) if shown else None, "export") as moved:
        for number, stored in enumerate(store.all(resource), 1):
            sys.stdout.write(line(stored))
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
