"""System.Uri: how a request's URI is taken apart, and how it is displayed in an error."""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+|%")
_UNRESERVED_ESCAPE = re.compile(
    r"%(?:2[DEde]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
)
_ABSOLUTE_FORM = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<host>[^/?#]*)(?P<rest>.*)", re.S
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}

# UriHelper.IsNotSafeForUnescape: these and the controls stay escaped on display.
_STAYS_ESCAPED = frozenset("%#?/\\@:;=&+,$") | {chr(code) for code in (*range(0x20), 0x7F)}
# IriHelper.CheckIriUnicodeRange: other characters stay escaped, private ones only in a path.
_IRI = "\xa0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane + (0x1000 if plane == 0xE0000 else 0))}-{chr(plane + 0xFFFD)}"
    for plane in range(0x10000, 0xF0000, 0x10000)
)
_IN_PATH = re.compile(f"[{_IRI}]")
_IN_QUERY = re.compile(f"[{_IRI}\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")


class RequestUri(NamedTuple):
    """A request's URI, taken apart only where it is looked at.

    ``scheme`` is ``http`` or ``https``, ``host`` the ``Host`` header, ``target`` what stood on
    the request line: ``/path?query``, an absolute URI with a host of its own, or ``*``.
    """

    scheme: str
    host: str
    target: str

    def split(self) -> tuple[str, str | None]:
        """Return path and query as they were sent, without a fragment; ``None`` for no query."""
        target = self.target if self.target[:1] == "/" else self._absolute().target
        path, mark, query = target.partition("#")[0].partition("?")
        return path, query if mark else None

    def __str__(self) -> str:
        """Return ``Uri.ToString()``: what an error shows of the URI."""
        absolute = self._absolute()
        path, query = absolute.split()
        shown = _display(canonical_path(path), _IN_PATH)
        if query is not None:
            shown += "?" + _display(query, _IN_QUERY)
        return f"{absolute.scheme}://{_display_host(absolute)}{shown}"

    def _absolute(self) -> "RequestUri":
        """Return the URI with the scheme and host of an absolute-form target."""
        found = _ABSOLUTE_FORM.fullmatch(self.target)
        if found is None:
            return self if self.target[:1] == "/" else self._replace(target="/" + self.target)
        rest = found["rest"] if found["rest"][:1] == "/" else "/" + found["rest"]
        return RequestUri(found["scheme"].lower(), found["host"], rest)


def canonical_path(path: str) -> str:
    """Resolve dot segments, escaped ones too, and turn backslashes, as the Uri class does."""
    path = path.replace("\\", "/")
    if "%" in path:
        path = _UNRESERVED_ESCAPE.sub(lambda found: chr(int(found[0][1:], 16)), path)
    if not path.startswith("/"):
        path = "/" + path
    return _resolve_dots(path) if "/." in path else path


def unescape(text: str) -> str:
    """Return ``UriFormat.Unescaped``: all escapes decoded, those of broken UTF-8 left alone."""
    return _ESCAPES.sub(_unescape_run, text) if "%" in text else text


def _resolve_dots(path: str) -> str:
    segments: list[str] = []
    *middle, last = path.split("/")[1:]
    for segment in (*middle, last):
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if last in (".", ".."):
        segments.append("")
    return "/" + "/".join(segments)


def _display(text: str, shown: re.Pattern[str]) -> str:
    return _ESCAPES.sub(partial(_display_run, shown=shown), text) if "%" in text else text


def _display_host(uri: RequestUri) -> str:
    host, colon, port = uri.host.lower().rpartition(":")
    if not colon or "]" in port:
        return uri.host.lower()
    return host if port in ("", _DEFAULT_PORTS[uri.scheme]) else f"{host}:{port}"


def _display_run(found: re.Match[str], shown: re.Pattern[str]) -> str:
    if found[0] == "%":
        return "%25"

    def one(character: str, escapes: str) -> str:
        if character.isascii():
            return escapes if character in _STAYS_ESCAPED else character
        return character if shown.fullmatch(character) else escapes.upper()

    return _decode_run(found[0], one)


def _unescape_run(found: re.Match[str]) -> str:
    if found[0] == "%":
        return "%"
    return _decode_run(found[0], lambda character, escapes: character)


def _decode_run(escapes: str, replace: Callable[[str, str], str]) -> str:
    """Decode a run of escapes; ``replace`` gets each character with the escapes it came from."""
    parts: list[str] = []
    at = 0
    decoded = bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogateescape")
    for character in decoded:
        if "\udc80" <= character <= "\udcff":
            parts.append(escapes[at : at + 3].upper())
            at += 3
        else:
            end = at + 3 * len(character.encode())
            parts.append(replace(character, escapes[at:end]))
            at = end
    return "".join(parts)
