"""Reads a file in a child process, while the parent writes to the store."""

import marshal
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, UnsupportedOperation
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from app.errors import StoreError
from app.store.store import Stored
from app.store.transfer import records
from app.store.transfer.record_error import printable
from schemas.resource import Resource

_BATCH = 500
_SMALL = 1 << 20
Moved = Callable[[int], None]
"""Is told how many bytes of the file have been read so far."""


@contextmanager
def values(
    stream: "BufferedReader[Any]",
    file: str,
    resource: Resource,
    asked: int | None,
    nul: bool = True,
    moved: Moved | None = None,
) -> Iterator[Iterator[Stored]]:
    """Give the values of a file, read as they are asked for.

    On Linux, a big regular file is read by a child; a pipe is not, for a child that
    waits for one would outlive a parent that is killed. Enter this before the store is connected:
    a child has all that is open. What it gives raises StoreError. Arguments are those of
    ``records.read``.
    """
    # macOS has fork, but its own libraries don't survive one.
    if sys.platform != "linux" or not hasattr(os, "fork") or (size_of(stream) or 0) < _SMALL:
        rows = records.read(stream, file, resource, asked, nul)
        yield rows if moved is None else _followed(rows, stream, moved)
        return
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    # multiprocessing closes the child's sys.stdin.
    with open(os.dup(stream.fileno()), "rb") as own:
        rows = records.read(own, file, resource, asked, nul)
        child = context.Process(target=_send, args=(there, here, rows, file), daemon=True)
        child.start()
    there.close()
    try:
        yield _received(here, file, stream, moved)
    finally:
        child.kill()
        child.join()
        here.close()


def _followed(
    rows: Iterator[Stored], stream: "BufferedReader[Any]", moved: Moved
) -> Iterator[Stored]:
    while batch := list(islice(rows, _BATCH)):
        yield from batch
        moved(stream.tell())


def size_of(stream: "BufferedReader[Any]") -> int | None:
    """Return the size of a regular file, 0 of memory, ``None`` of anything else."""
    try:
        found = os.fstat(stream.fileno())
    except UnsupportedOperation:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _received(
    here: "Connection[Any, bytes]", file: str, stream: "BufferedReader[Any]", moved: Moved | None
) -> Iterator[Stored]:
    while True:
        try:
            batch = marshal.loads(here.recv_bytes())
        except EOFError:
            raise StoreError(f"{printable(file)} can't be read: its reader was killed") from None
        if batch is None:
            return
        if isinstance(batch, str):
            raise StoreError(batch)
        yield from batch
        if moved is not None:
            # Both processes have one file position.
            moved(os.lseek(stream.fileno(), 0, os.SEEK_CUR))


def _send(
    there: "Connection[bytes, Any]",
    here: "Connection[Any, bytes]",
    rows: Iterator[Stored],
    file: str,
) -> None:
    """Be the child: send batches, then nothing, or a text that says what is wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Were this end open here, the parent's death would not be noticed.
    here.close()
    with suppress(BrokenPipeError):
        try:
            while batch := list(islice(rows, _BATCH)):
                there.send_bytes(marshal.dumps(batch))
            there.send_bytes(marshal.dumps(None))
        except StoreError as error:
            there.send_bytes(marshal.dumps(str(error)))
        except BrokenPipeError:
            raise
        except OSError as error:
            there.send_bytes(marshal.dumps(f"{printable(file)} can't be read: {error.strerror}"))
