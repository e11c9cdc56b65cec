"""API keys: a file of names and hashes, read again when it changes.

A key has 256 random bits, so that its SHA-256 can be kept: there is nothing to guess, and a slow
hash would only help who floods the service with wrong keys.
"""

import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from app.errors import CommandError

_LINE = re.compile(r"([A-Za-z0-9._-]{1,64}) sha256:([0-9a-f]{64}) (\d{4}-\d\d-\d\d)")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeyFileError(CommandError):
    """The file of keys can't be used; the message says why."""


class ApiKeys:
    """The keys in a file. A line holds a name, the key's hash and the day it was made.

    Args:
        path: the file; a missing one holds no keys.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._seen: tuple[int, int, int] | None = None
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
            seen = (state.st_ino, state.st_size, state.st_mtime_ns)
            if seen != self._seen:
                self._keys = self._parse(self.path.read_text(encoding="utf-8"))
                self._seen = seen
        except FileNotFoundError:
            self._keys, self._seen = {}, None
        except (OSError, UnicodeError) as error:
            raise KeyFileError(f"the key file {self.path} can't be read: {error}") from None
        return self._keys

    def add(self, name: str) -> str:
        """Make a key and keep its hash; returns the key, which is nowhere else.

        Raises KeyFileError for a name that is taken or can't be one.
        """
        if not _NAME.fullmatch(name):
            raise KeyFileError(f"a name has 1 to 64 of A-Z a-z 0-9 . _ -, unlike {name!r}")
        if name in self.names():
            raise KeyFileError(f"there is a key {name} already")
        key = secrets.token_urlsafe(32)
        made = (sha256(key.encode()).hexdigest(), datetime.now(UTC).date().isoformat())
        self._write({**self.names(), name: made})
        return key

    def revoke(self, name: str) -> None:
        """Forget a key. Raises KeyFileError if there is none of the name."""
        if name not in self.names():
            raise KeyFileError(f"there is no key {name}")
        self._write({other: kept for other, kept in self.names().items() if other != name})

    def _parse(self, text: str) -> dict[str, tuple[str, str]]:
        keys: dict[str, tuple[str, str]] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            found = _LINE.fullmatch(line.strip())
            if found is None or found[1] in keys:
                raise KeyFileError(f"the key file {self.path}, line {number}: not a key's line")
            keys[found[1]] = (found[2], found[3])
        return keys

    def _write(self, keys: Mapping[str, tuple[str, str]]) -> None:
        """Put a new file in the old one's place, for the same owner and readers."""
        text = "".join(f"{name} sha256:{digest} {day}\n" for name, (digest, day) in keys.items())
        handle, path = tempfile.mkstemp(dir=self.path.parent, prefix=".keys-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                if self.path.exists():
                    old = self.path.stat()
                    os.fchmod(stream.fileno(), old.st_mode & 0o777)
                    os.fchown(stream.fileno(), old.st_uid, old.st_gid)
            Path(path).replace(self.path)
        except OSError:
            Path(path).unlink(missing_ok=True)
            raise
