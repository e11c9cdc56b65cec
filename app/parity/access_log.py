"""Takes an action's GETs from logs, whichever way they are written."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import quote

from app.parity import log_formats, matrix
from app.parity.log_formats import Entry, Names
from app.parity.log_text import LONGEST, LogError, lines, opened
from app.parity.recording import Headers, Request
from app.webapi.routing import HttpActionDescriptor

_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))
_LARGEST_HAR: Final = 2**28
_BEFORE_FIELDS: Final = 100

_Entries = Iterator[Entry | None]


@dataclass
class AccessLog:
    """A log file's requests.

    Attributes:
        path: the file.
        action: the action of the requests; those to other addresses are left out.
        names: of fields in JSON lines.
        fields: of an IIS log whose header line is in another part.
        seen: hashes of the requests, which several logs may share.
        others: counts what was left out, by reason.
        in_both: how many requests had no Accept header, so that they are sent for JSON and for XML.
    """

    path: Path
    action: HttpActionDescriptor
    names: Names = field(default_factory=Names)
    fields: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)
    in_both: int = 0

    def __iter__(self) -> Iterator[tuple[str, Request]]:
        """Yield the action's GETs, each once, with the format's name. Raises LogError."""
        with opened(self.path) as text:
            tag, entries = self._format(text)
            for entry in entries:
                target = self._target(entry)
                if entry is None or target is None:
                    continue
                # Hashes only: a log may hold more requests than memory.
                asked = [one for one in _requests(entry, target) if hash(one) not in self.seen]
                self.seen.update(map(hash, asked))
                if not asked:
                    self.others["a repeated request"] += 1
                elif not entry.has_accept:
                    self.in_both += 1
                yield from ((tag, request) for request in asked)

    def own_fields(self) -> list[str] | None:
        """Read the fields that an IIS log names itself, ``None`` for another log.

        Raises LogError for a file that is no log.
        """
        if not self.path.is_file():
            return None  # A pipe can be read only once.
        with opened(self.path) as text:
            tag, _ = self._format(text)
            if tag != "iis":
                return None
        with opened(self.path) as text:
            for _, line in zip(range(_BEFORE_FIELDS), lines(text), strict=False):
                if found := log_formats.w3c_fields(line):
                    return found
        return []

    def _format(self, text: TextIO) -> tuple[str, _Entries]:
        first = "\n"
        while first and (not first.strip("\ufeff\n \t") or first.startswith("# ")):
            first = text.readline(LONGEST)
        line = first.strip("\ufeff\n")
        rest = lines(text, first) if first else iter(())
        if log_formats.is_w3c(line):
            return "iis", log_formats.w3c(rest, self.fields)
        if line.lstrip().startswith("{"):
            return self._json(text, first)
        if log_formats.is_url(line):
            return "urls", log_formats.urls(rest)
        if not line or log_formats.is_combined(line):
            return "combined", log_formats.combined(rest)
        raise LogError(
            f"{self.path}: must be an IIS W3C log, a combined access log, JSON lines, a HAR file "
            "or a list of URLs"
        )

    def _json(self, text: TextIO, first: str) -> tuple[str, _Entries]:
        made = log_formats.parsed(first)
        if isinstance(made, dict) and not isinstance(made.get("log"), dict):
            return "json", log_formats.json_lines(lines(text, first), self.names)
        whole = first + text.read(_LARGEST_HAR)
        if len(whole) >= _LARGEST_HAR:
            raise LogError(f"{self.path}: is larger than a HAR file may be; split it")
        made = log_formats.parsed(whole)
        log = made.get("log") if isinstance(made, dict) else None
        entries = log.get("entries") if isinstance(log, dict) else None
        if not isinstance(entries, list):
            raise LogError(f"{self.path}: is not a HAR file, nor JSON lines")
        return "har", log_formats.har(entries)

    def _target(self, entry: Entry | None) -> str | None:
        """Return the request, ``None`` for one that is not used, which is counted."""
        if entry is None:
            self.others["unreadable"] += 1
            return None
        path, question, query = entry.target.partition("?")
        ending = re.escape(f"/{self.action.controller}/{self.action.action}")
        found = re.search(rf"{ending}/*\Z", path, re.I | re.A)
        if found is None:
            self.others["another address"] += 1
        elif entry.method != "GET":
            self.others["another method"] += 1
        else:
            return quote(found[0] + question + query, safe=_KEPT, errors="surrogateescape")
        return None


def access_logs(
    paths: Iterable[Path], make: Callable[[Path], AccessLog], fields: list[str]
) -> list[AccessLog]:
    """Make logs that share their state: which requests were read, and the fields of IIS logs.

    A part without a header line has the fields of the last part before it that has one, or else
    the next; ``fields`` are given for parts that have neither. Raises LogError.
    """
    made = [make(path) for path in paths]
    seen: set[int] = set()
    known = [log.own_fields() for log in made]
    for at, log in enumerate(made):
        log.seen = seen
        nearest = [*reversed(known[:at]), *known[at:], fields]
        log.fields = next((found for found in nearest if found), [])
        if known[at] == [] and not log.fields:
            raise LogError(f"{log.path}: has no #Fields line: name them with --log-fields")
    return made


def _requests(entry: Entry, target: str) -> Iterator[Request]:
    """Yield the requests to send: in both formats where the log has no Accept header."""
    if entry.has_accept:
        yield Request("GET", target, entry.headers)
        return
    for accept in matrix.PLAIN:
        headers: Headers = (("Accept", accept), *entry.headers)
        yield Request("GET", target, headers)
