"""API keys: a file of names and hashes, read again when it changes.

A key has 256 random bits, so its SHA-256 can be kept: nobody can guess it, and a slow hash would
only help someone who floods the service with wrong keys.
"""

import hmac
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from app.errors import CommandError

_LINE = re.compile(r"([A-Za-z0-9._-]{1,64}) sha256:([0-9a-f]{64}) (\d{4}-\d\d-\d\d)")
_SETTLED_SECONDS = 2.0
"""A file that changed more recently may change again without getting another time stamp."""


class KeyFileError(CommandError):
    """The file of keys can't be used; the message says why."""


class ApiKeys:
    """The keys in a file. A line holds a name, the key's hash and the day it was made.

    Args:
        path: the file; a missing one holds no keys.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._seen: tuple[int, int, int, int] | None = None
        self._keys: Mapping[str, tuple[str, str]] = {}

    def owner(self, key: str) -> str | None:
        """Return the name of a key, ``None`` for an unknown one.

        Raises KeyFileError, as long as the file can't be read.
        """
        digest = sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        found = None
        # No early end: the time tells nothing about which hash came near.
        for name, (kept, _) in self.names().items():
            if hmac.compare_digest(kept, digest):
                found = name
        return found

    def names(self) -> Mapping[str, tuple[str, str]]:
        """Return name -> (hash, day made), from the file if it has changed. Raises KeyFileError."""
        try:
            state = self.path.stat()
            seen = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if seen != self._seen:
                self._keys = self._read()
                settled = abs(time.time() - state.st_mtime) > _SETTLED_SECONDS
                self._seen = seen if settled else None
            return self._keys
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise KeyFileError(
                f"the key file {self.path} can't be read: {error.strerror}"
            ) from None

    def _read(self) -> dict[str, tuple[str, str]]:
        try:
            return parse(self.path, self.path.read_bytes())
        except KeyFileError:
            # A command may have changed the line while it was read.
            return parse(self.path, self.path.read_bytes())


def parse(path: Path, content: bytes) -> dict[str, tuple[str, str]]:
    """Return the keys that a file holds: name -> (hash, day made). Raises KeyFileError."""
    keys: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(without_cut_line(content).split(b"\n"), 1):
        text = line.strip().decode("ascii", "backslashreplace")
        if not text or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        if found is None or found[1] in keys:
            raise KeyFileError(f"the key file {path}, line {number}: not a key's line")
        keys[found[1]] = (found[2], found[3])
    return keys


def without_cut_line(content: bytes) -> bytes:
    """Return a file's content without a last line of which only a part was written.

    A command is writing it, or was killed while it did.
    """
    start = content.rfind(b"\n") + 1
    last = content[start:].strip().decode("ascii", "backslashreplace")
    is_whole = not last or last.startswith("#") or _LINE.fullmatch(last)
    return content if is_whole else content[:start]
