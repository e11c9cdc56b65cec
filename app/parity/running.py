"""Runs of the kit: they can be stopped, and always end with their reports."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click

from app.parity import interrupt, page, terminal
from app.parity.arguments import Reporting
from app.parity.asking import StoppedError
from app.parity.client import NoAnswerError, Service
from app.parity.outcome import Outcome
from app.parity.report import Report, write
from app.parity.verdict import ExitCode

Run = Generator[tuple[Any, Outcome | NoAnswerError], None, None]


@contextmanager
def stoppable(*services: Service) -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does, at once; close the services at its end."""

    def stop() -> None:
        for service in services:
            service.stop()

    with ExitStack() as stack:
        for service in services:
            stack.callback(service.close)
        stack.enter_context(interrupt.held_back(stop))
        yield


def try_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None] = ()) -> None:
    """Try to write each output before a run. Raises UsageError."""
    taken = [path.resolve() for path in inputs if path is not None]
    for path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise click.UsageError(f"{path} is given twice: it would be overwritten")
        taken.append(path.resolve())
        # A pipe or a device would wait for its reader, or has nothing to try.
        if path.is_file() or not path.exists():
            _try(path)


def judge(run: Run, report: Report, reporting: Reporting) -> int:
    """Take all outcomes, write and print the reports, and return the exit code.

    Reports are written however the run ends: stopped, with an input that turns out to be wrong, or
    by an error of our own.
    """
    verdict = report.verdict
    try:
        with closing(run):
            for _, made in run:
                if isinstance(made, NoAnswerError):
                    verdict.fail(str(made))
                else:
                    verdict.take(made)
    except StoppedError as error:
        verdict.stopped = str(error)
    except KeyboardInterrupt:
        verdict.stopped = "interrupted"
    except Exception as error:
        verdict.stopped = str(error) or type(error).__name__
        raise
    finally:
        unwritten = _write(report, reporting)
        terminal.show(report)
    return verdict.exit_code or (ExitCode.COULD_NOT_ASK if unwritten else ExitCode.SAME)


def _write(report: Report, reporting: Reporting) -> int:
    """Write the files, and return how many could not be written."""
    reports: list[tuple[Path | None, Callable[[], str | bytes]]] = [
        (reporting.as_json, report.to_json),
        (reporting.junit, report.to_junit),
        (reporting.html, lambda: page.html(report)),
    ]
    unwritten = 0
    for path, make in reports:
        if path is not None:
            try:
                write(path, make())
            except OSError as error:
                terminal.say(f"{path}: {error.strerror}", err=True)
                unwritten += 1
    return unwritten


def _try(path: Path) -> None:
    is_new = not path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise click.UsageError(f"{path}: can't be written: {error.strerror}") from None
    if is_new:
        path.unlink()
