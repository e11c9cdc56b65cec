"""A report and a run's progress on a terminal, and plain in a pipe."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import TextIO, TypeVar

import click

from app.parity.amount import amount
from app.parity.report import Report, rows, visible

_Item = TypeVar("_Item")
_MOST_ROWS = 100
_TITLES = ("difference", "where", "answers", "expected", "found")


def show(report: Report) -> None:
    """Print findings as a table, and the verdict last."""
    table = [tuple(map(visible, row)) for row in islice(rows(report.verdict), _MOST_ROWS)]
    if table and _is_rich(sys.stdout):
        _rich_table(table)
    else:
        for row, finding in zip(table, report.verdict.findings, strict=False):
            kind, places, _, expected, found = row
            answers = amount(finding.answers, "answer")
            say(f"{kind}, {places} ({answers}): {expected} became {found}")
    left = len(report.verdict.findings) - len(table)
    if left:
        say(f"and {amount(left, 'finding')} more: --html, --json and --junit write all of them")
    for note in report.notes():
        say(note)
    say(report.summary())


def say(text: str, *, err: bool = False) -> None:
    """Print a line, whatever a service put into it and wherever it goes.

    What the stream's encoding lacks, and what a terminal would obey, is printed as its escape. A
    reader that has gone, or a full disk, stops nothing: the files and the exit code say the same.
    """
    stream = sys.stderr if err else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    try:
        click.echo(visible(text), err=err)
    except OSError:
        # Python would write what is buffered once more at its end, and fail.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


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


def _is_rich(stream: TextIO | None) -> bool:
    """Whether there is a terminal, and rich, an extra, to draw on it."""
    return stream is not None and stream.isatty() and find_spec("rich") is not None


def _rich_table(table: list[tuple[str, ...]]) -> None:
    made = import_module("rich.table").Table(*_TITLES)
    text = import_module("rich.text").Text
    for row in table:
        made.add_row(*map(text, row))
    import_module("rich.console").Console().print(made)
