"""A report and a run's progress on a terminal, and plain in a pipe."""

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TextIO, TypeVar

import click

from app.parity.report import Report, rows

_Item = TypeVar("_Item")
_TITLES = ("difference", "where", "answers", "expected", "found")


def show(report: Report) -> None:
    """Print findings as a table, and the verdict last."""
    table = list(rows(report.verdict))
    if table and _is_rich(sys.stdout):
        _rich_table(table)
    else:
        for kind, places, answers, expected, found in table:
            click.echo(f"{kind}, {places} ({answers} answers): {expected} became {found}")
    for note in report.notes():
        click.echo(note)
    click.echo(report.summary())


def progress(items: Iterable[_Item], total: Callable[[], int] | None) -> Iterator[_Item]:
    """Yield the items with a bar on standard error where that is a terminal."""
    if not _is_rich(sys.stderr):
        yield from items
        return
    made = import_module("rich.progress").Progress(
        console=import_module("rich.console").Console(stderr=True), transient=True
    )
    with made:
        yield from made.track(items, total() if total else None, description="asking")


def _is_rich(stream: TextIO) -> bool:
    """Whether there is a terminal, and rich, an extra, to draw on it."""
    return stream.isatty() and find_spec("rich") is not None


def _rich_table(table: list[tuple[str, str, str, str, str]]) -> None:
    made = import_module("rich.table").Table(*_TITLES)
    text = import_module("rich.text").Text
    for row in table:
        made.add_row(*map(text, row))
    import_module("rich.console").Console().print(made)
