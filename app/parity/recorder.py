"""Writes recordings to a file, a line as soon as its answer is there."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from app.parity.headers import without_cookie_values
from app.parity.masking import Mask
from app.parity.recording import Answer, Recording, RecordingError, Request, line, parse

Tagged = tuple[str, Request]
_START: Final = b'{"id": '
"""So each line starts: a last one that doesn't was not cut off, but is somebody else's."""


class Recorder:
    """A file of recordings that grows.

    Args:
        path: the file; one that is there is gone on with, or refused.
        resume: go on where it ends; a last line that was cut off is dropped.
        error_detail: whether the service shows MessageDetail.
        mask: is put over every answer.

    Raises RecordingError for a file that can't be gone on with.
    """

    def __init__(self, path: Path, resume: bool, error_detail: bool, mask: Mask) -> None:
        if path.exists() and not resume:
            raise RecordingError(f"{path} is there already: give --resume or another --output")
        self._path = path
        self._error_detail = error_detail
        self._mask = mask
        self._seen: set[int] = set()
        self._next_id = 0
        self._before: Counter[int] = Counter()
        self.statuses: Counter[int] = Counter()

    def __enter__(self) -> Self:
        self._file = self._path.open("a+b")
        try:
            self._take_up()
        except RecordingError:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # It writes once more what a full disk did not take.
            self._file.close()

    def missing(self, items: Iterable[Tagged]) -> Iterator[Tagged]:
        """Yield the requests that are not in the file yet, each once."""
        for tag, request in items:
            if hash(request) not in self._seen:
                self._seen.add(hash(request))
                yield tag, request

    def write(self, tag: str, request: Request, answer: Answer) -> None:
        """Write a recording. Raises OSError."""
        kept = replace(self._mask(answer), headers=without_cookie_values(answer.headers))
        made = Recording(
            self._next_id, tag, self._error_detail, request, kept, self._mask.members, True
        )
        self._file.write(line(made).encode())
        self._file.flush()
        self._next_id += 1
        self.statuses[answer.status] += 1

    @property
    def in_file(self) -> Counter[int]:
        """The statuses of all answers in the file, with how often."""
        return self._before + self.statuses

    def summary(self) -> str:
        """Say what was written."""
        statuses = ", ".join(f"{n:,} x {status}" for status, n in sorted(self.statuses.items()))
        return (
            f"{self.statuses.total():,} recorded ({statuses or 'none'}), {self._next_id:,} in all"
        )

    def _take_up(self) -> None:
        """Read what the file holds, and cut off a last line without its end."""
        self._file.seek(0)
        end = 0
        for number, text in enumerate(self._file, 1):
            if not text.endswith(b"\n"):
                if not text.startswith(_START[: len(text)]):
                    raise RecordingError(f"{self._path}:{number}: is not a recording")
                break
            end += len(text)
            if text.strip():
                found = parse(text, f"{self._path}:{number}")
                self._check(found, number)
                self._seen.add(hash(found.request))
                self._before[found.answer.status] += 1
                self._next_id = max(self._next_id, found.id + 1)
        self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)

    def _check(self, found: Recording, number: int) -> None:
        """Refuse to go on with a file that was made otherwise. Raises RecordingError."""
        where = f"{self._path}:{number}"
        if sorted(found.masked) != sorted(self._mask.members):
            masked = " ".join(f"--mask {name}" for name in found.masked) or "no --mask"
            raise RecordingError(f"{where}: was made with {masked}: --resume needs the same")
        if found.error_detail != self._error_detail:
            made = "with" if found.error_detail else "without"
            raise RecordingError(
                f"{where}: was made {made} --error-detail: --resume needs the same"
            )
