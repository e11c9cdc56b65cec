"""The file of a SQLite store: who may read it, and whether it is still the same."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.engine import make_url


def path_of(url: str | URL) -> str | None:
    """Return the file of a SQLite URL, ``None`` for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return parsed.database


Identity = tuple[int, int, int]
"""A file's number, size and time of change in nanoseconds."""
_RECENT = 2 * 10**9


class FileError(Exception):
    """A file or its folder is missing or may not be used; the message says which."""


def connector(mode: str) -> Callable[..., sqlite3.Connection]:
    """Return what connects to a file that is there, in SQLite's mode ``ro`` or ``rw``."""

    def connect(file: str, **options: Any) -> sqlite3.Connection:
        identity(file)
        uri = f"{Path(file).as_uri()}?mode={mode}"
        connection: sqlite3.Connection = sqlite3.connect(uri, uri=True, **options)
        return connection

    return connect


def create(file: str, with_folder: bool) -> None:
    """Create an empty file for its owner alone where there is none. Raises FileError.

    SQLite gives the files beside it the same mode.
    """
    folder = Path(file).absolute().parent
    try:
        if with_folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        missing = f"there is no folder {folder}"
        raise FileError(str(error.strerror) if folder.is_dir() else missing) from None


def identity(file: str) -> Identity:
    """Return what changes when a file is replaced or overwritten. Raises FileError."""
    try:
        found = os.stat(file)
    except OSError as error:
        raise FileError(str(error.strerror)) from None
    return found.st_ino, found.st_size, found.st_mtime_ns


def is_checkpoint(file: str, before: Identity | None, found: Identity) -> bool:
    """Whether SQLite itself changed a file, from its log, which was written just before.

    To open the file anew for each checkpoint of a program that writes all the time would treble
    the 99th percentile of a read.
    """
    try:
        log = os.stat(f"{file}-wal")
    except OSError:
        return False
    is_same = before is not None and before[0] == found[0]
    return is_same and log.st_size > 0 and found[2] - log.st_mtime_ns < _RECENT
