"""Takes an action's GETs from logs: IIS W3C, the combined format, and HAR."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from app.parity.errors import InputError
from app.parity.recording import Headers, Request
from app.webapi.routing import HttpActionDescriptor

_NEGOTIATING: Final = ("Accept", "Accept-Charset", "X-Requested-With", "Content-Type")
"""The headers that choose an answer. What names a person or opens a door is never taken."""
_COMBINED: Final = re.compile(rb'[^"]*"([^ "]+) ([^ "]+)(?: HTTP/[0-9.]+)?" ')
_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))


class LogError(InputError):
    """The file is no log that can be read; the message names it and says what is allowed."""


@dataclass
class AccessLog:
    """A log file's requests; ``others`` counts what was not taken, by reason."""

    path: Path
    action: HttpActionDescriptor
    others: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[tuple[str, Request]]:
        """Yield the action's GETs, each once, with the format's name. Raises LogError."""
        seen: set[int] = set()
        with self.path.open("rb") as stream:
            tag, found = self._format(stream)
            for method, target, headers in found:
                request = self._taken(method, target, headers)
                if request is None:
                    continue
                # Hashes only: a log may hold more requests than memory.
                if hash(request) in seen:
                    self.others["asked before"] += 1
                    continue
                seen.add(hash(request))
                yield tag, request

    def _format(self, stream: BufferedReader) -> tuple[str, Iterator[tuple[str, str, Headers]]]:
        head = stream.peek(256).removeprefix(b"\xef\xbb\xbf").lstrip()
        if head.startswith(b"#"):
            return "iis", self._w3c(stream)
        if head.startswith(b"{"):
            return "har", self._har(stream)
        if not head or _COMBINED.match(head.partition(b"\n")[0]):
            return "combined", self._combined(stream)
        raise LogError(f"{self.path}: must be an IIS W3C log, a combined access log or a HAR file")

    def _taken(self, method: str, target: str, headers: Headers) -> Request | None:
        path, question, query = target.partition("?")
        ending = f"/{self.action.controller}/{self.action.action}"
        if not path.rstrip("/").lower().endswith(ending.lower()):
            self.others["another address"] += 1
        elif method != "GET":
            self.others["another method"] += 1
        else:
            start = path.lower().rindex(ending.lower())
            return Request("GET", quote(path[start:] + question + query, safe=_KEPT), headers)
        return None

    def _w3c(self, stream: BufferedReader) -> Iterator[tuple[str, str, Headers]]:
        names: list[str] = []
        for line in stream:
            text = line.decode("utf-8", "replace").strip("\ufeff\r\n")
            if text.startswith("#Fields:"):
                names = text.split()[1:]
            elif text and not text.startswith("#"):
                values = text.split(" ")
                named = dict(zip(names, values, strict=False))
                if len(values) == len(names) and {"cs-method", "cs-uri-stem"} <= named.keys():
                    yield _of_w3c(named)
                else:
                    self.others["unreadable"] += 1

    def _combined(self, stream: BufferedReader) -> Iterator[tuple[str, str, Headers]]:
        for line in stream:
            if found := _COMBINED.match(line):
                yield found[1].decode("latin-1"), _relative(found[2].decode("latin-1")), ()
            elif line.strip():
                self.others["unreadable"] += 1

    def _har(self, stream: BufferedReader) -> Iterator[tuple[str, str, Headers]]:
        try:
            entries = json.loads(stream.read().decode("utf-8-sig"))["log"]["entries"]
            asked = [entry["request"] for entry in entries]
            found = [(str(r["method"]), _relative(str(r["url"])), _of_har(r)) for r in asked]
        except (ValueError, KeyError, TypeError) as error:
            raise LogError(f"{self.path}: is not a HAR file: {error!r}") from None
        yield from found


def _of_w3c(named: dict[str, str]) -> tuple[str, str, Headers]:
    query = named.get("cs-uri-query", "-")
    target = named["cs-uri-stem"] + ("" if query == "-" else f"?{query}")
    headers = tuple(
        # IIS writes a blank in a header as a plus sign.
        (name, value.replace("+", " "))
        for name in _NEGOTIATING
        if (value := named.get(f"cs({name})", "-")) != "-"
    )
    return named["cs-method"], target, headers


def _of_har(request: dict[str, Any]) -> Headers:
    kept = {name.lower(): name for name in _NEGOTIATING}
    return tuple(
        (kept[str(item["name"]).lower()], str(item["value"]))
        for item in request["headers"]
        if str(item["name"]).lower() in kept
    )


def _relative(url: str) -> str:
    """Return what stands behind the host of an absolute URL."""
    if not url.lower().startswith(("http://", "https://")):
        return url
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
