"""System.Uri of .NET Framework 4.7.2 and later: a request's URI in parts, and as errors show it.

Escapes are decoded twice, as there: when the URI is made (``normalize``) and when it is shown or
its path is taken (``_display``, ``unescape``).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from app.webapi.authority import display_authority

_HEX = "[0-9A-Fa-f]"
# A run of bytes that begins with one of A0 or more may be UTF-8; 80 to 9F in front of it are
# controls by themselves. Any other valid escape is one character.
_ESCAPE = rf"(?P<utf8>%[A-Fa-f]{_HEX}(?:%[89A-Fa-f]{_HEX})*)|(?P<single>%{_HEX}{_HEX})"
_MADE = re.compile(rf"{_ESCAPE}|%..", re.S)
_SHOWN = re.compile(rf"{_ESCAPE}|%")
_ESCAPES = re.compile(rf"(?:%{_HEX}{_HEX})+")
_ABSOLUTE_FORM = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<host>[^/?#]*)(?P<rest>.*)", re.S
)

# UriHelper.IsNotSafeForUnescape: RFC 3986's reserved characters, and controls of Latin-1.
_STAYS_ESCAPED = frozenset(";/?:@&=+$,#[]!'()*%\\") | {
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))
}
# IriHelper.CheckIriUnicodeRange: other characters stay escaped, private ones only in a path.
_IRI = "\xa0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane + (0x1000 if plane == 0xE0000 else 0))}-{chr(plane + 0xFFFD)}"
    for plane in range(0x10000, 0xF0000, 0x10000)
)
_IN_PATH = re.compile(f"[{_IRI}]")
_IN_QUERY = re.compile(f"[{_IRI}\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")


class RequestUri(NamedTuple):
    """A request's URI, whose parts are parsed when they are read.

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
            shown += "?" + _display(normalize(query, _IN_QUERY), _IN_QUERY)
        return f"{absolute.scheme}://{display_authority(absolute.scheme, absolute.host)}{shown}"

    def _absolute(self) -> "RequestUri":
        """Return the URI with the scheme and host of an absolute-form target."""
        found = _ABSOLUTE_FORM.fullmatch(self.target)
        if found is None:
            return self if self.target[:1] == "/" else self._replace(target="/" + self.target)
        rest = found["rest"] if found["rest"][:1] == "/" else "/" + found["rest"]
        return RequestUri(found["scheme"].lower(), found["host"], rest)


def canonical_path(path: str) -> str:
    """Return a path made canonical: escapes normalized, backslashes turned, dots resolved.

    Uri.ParseRemaining and Uri.Compress. ``path`` is as it was sent; the result begins with a slash.
    """
    path = normalize(path, _IN_PATH).replace("\\", "/")
    if not path.startswith("/"):
        path = "/" + path
    return _resolve_dots(path) if "/." in path else path


def normalize(text: str, shown: re.Pattern[str] = _IN_QUERY) -> str:
    """Decode the escapes that a URI needs not have: IriHelper.EscapeUnescapeIri.

    A ``%`` that begins no valid escape is skipped together with the two characters after it,
    so ``%4%31`` stays as it is. ``shown`` matches the characters beyond ASCII that are decoded.
    """
    return _MADE.sub(_decoder(shown, lambda broken: broken), text) if "%" in text else text


def unescape(path: str) -> str:
    """Return ``UriFormat.Unescaped``: all escapes decoded, those of broken UTF-8 in upper case.

    ``path`` is canonical, as canonical_path() returns it.
    """
    if "%" not in path:
        return path
    return _ESCAPES.sub(lambda found: "".join(map(_unbroken, _characters(found[0]))), path)


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
    """Decode what may be shown: UriHelper.UnescapeString, as Uri.ToString() calls it."""
    return _SHOWN.sub(_decoder(shown, lambda broken: "%25"), text) if "%" in text else text


def _decoder(
    shown: re.Pattern[str], broken: Callable[[str], str]
) -> Callable[[re.Match[str]], str]:
    """Return what decodes a match; ``broken`` is called for an invalid escape."""

    def decode(found: re.Match[str]) -> str:
        if found["utf8"]:
            characters = _characters(found["utf8"])
            return "".join(one if shown.fullmatch(one) else _escape(one) for one in characters)
        if found["single"]:
            character = chr(int(found["single"][1:], 16))
            return found["single"] if character in _STAYS_ESCAPED else character
        return broken(found[0])

    return decode


def _characters(escapes: str) -> str:
    """Decode escapes; a byte of broken UTF-8 becomes a lone surrogate."""
    return bytes.fromhex(escapes.replace("%", "")).decode("utf-8", "surrogateescape")


def _unbroken(character: str) -> str:
    return _escape(character) if "\udc80" <= character <= "\udcff" else character


def _escape(character: str) -> str:
    """Escape the bytes of a character, or the byte that a lone surrogate stands for."""
    octets = character.encode("utf-8", "surrogateescape")
    return "".join(f"%{octet:02X}" for octet in octets)
