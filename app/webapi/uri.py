"""System.Uri: how a request's URI is taken apart, and how it is displayed in an error."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})++|%")
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


@dataclass(frozen=True, slots=True)
class RequestUri:
    """An absolute request URI: scheme, authority, path and query still escaped, fragment gone.

    The path begins with a slash and its dot segments are resolved; the query has no ``?`` and
    is ``None`` when the URI has none.
    """

    scheme: str
    host: str
    path: str
    query: str | None

    def __str__(self) -> str:
        """Return ``Uri.ToString()``: what an error shows of the URI."""
        query = "" if self.query is None else "?" + _display(self.query, _IN_QUERY)
        return f"{self.scheme}://{_display_host(self)}{_display(self.path, _IN_PATH)}{query}"


def parse(scheme: str, host: str, target: str) -> RequestUri:
    """Take apart a request target, as it stood on the request line.

    Args:
        scheme: ``http`` or ``https``.
        host: the ``Host`` header; an absolute-form target has its own.
        target: ``/path?query``, an absolute URI, or ``*``.
    """
    if absolute := _ABSOLUTE_FORM.fullmatch(target):
        scheme, host, target = absolute["scheme"].lower(), absolute["host"], absolute["rest"]
    path, mark, query = target.partition("#")[0].partition("?")
    return RequestUri(scheme, host, canonical_path(path), query if mark else None)


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
