"""Changes the file of API keys in place: beside other commands, under a service that reads it.

In place, the file keeps its owner, its mode and the links to it, can be a file that is mounted
into a container, and needs no second file that a kill could leave.
"""

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import FileIO
from pathlib import Path

from app.host.access.api_keys import KeyFileError, parse, without_cut_line

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEHIND_ALL_KEYS = 1 << 30


def add(path: str, name: str) -> str:
    """Make a key and append its hash to the file; returns the key, which is nowhere else.

    Raises KeyFileError for a name that is taken or not allowed, and for a file that can't be used.
    """
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"a name has 1 to 64 of A-Z a-z 0-9 . _ -, unlike {name!r}")
    key = secrets.token_urlsafe(32)
    line = f"{name} sha256:{sha256(key.encode()).hexdigest()} {_today()}\n".encode()
    with _opened(path, os.O_CREAT) as file:
        content = without_cut_line(file.read())
        if name in parse(Path(path), content):
            raise KeyFileError(f"there is a key {name} already")
        missing_end = b"" if content[-1:] in (b"", b"\n") else b"\n"
        _append(file, len(content), missing_end + line)
    return key


def revoke(path: str, name: str) -> None:
    """Put a comment in the place of a key. Raises KeyFileError if there is none of the name."""
    if not Path(path).exists():
        raise KeyFileError(f"there is no key {name}")
    with _opened(path) as file:
        content = file.read()
        if name not in parse(Path(path), content):
            raise KeyFileError(f"there is no key {name}")
        line = re.search(rb"^[^\S\n]*%s sha256:.*" % re.escape(name.encode()), content, re.M)
        assert line is not None
        # Never longer than the key's line, so that all others stay where they are.
        comment = f"# {name} was revoked {_today()}".encode().ljust(len(line[0].rstrip()))
        file.seek(line.start())
        file.write(comment)
        os.fsync(file.fileno())


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


@contextmanager
def _opened(path: str, flags: int = 0) -> Iterator[FileIO]:
    """Open the file for one command at a time; the lock ends with the block or the process."""
    try:
        opened = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) | flags, 0o600)
        with FileIO(opened, "r+") as file:
            _lock(file)
            yield file
    except OSError as error:
        reason = error.strerror
        raise KeyFileError(f"the key file {path} can't be changed: {reason}") from None


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        # A locked byte can't be read there.
        file.seek(_BEHIND_ALL_KEYS)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        file.seek(0)
    else:
        fcntl.flock(file, fcntl.LOCK_EX)


def _append(file: FileIO, end: int, line: bytes) -> None:
    """Write a whole line at the end, or nothing."""
    try:
        file.seek(end)
        file.truncate()
        if file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise
