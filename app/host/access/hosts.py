"""ALLOWED_HOSTS: which hosts a request may name."""

import re
from collections.abc import Callable, Sequence
from typing import Any

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def allows(allowed: Sequence[str]) -> Callable[[dict[str, Any]], bool]:
    """Return whether a WSGI environment names allowed hosts only; ``.a.example`` is any below.

    The ``Host`` header counts, and the host of an absolute-form target, which errors show.
    """
    names = frozenset(name for name in allowed if not name.startswith("."))
    endings = tuple(name for name in allowed if name.startswith("."))

    def is_allowed(host: str) -> bool:
        found = _HOST.fullmatch(host)
        name = found[1].lower() if found else ""
        return name in names or name.endswith(endings) if name else False

    def check(environ: dict[str, Any]) -> bool:
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or "/"
        absolute = _AUTHORITY.match(target)
        asked = [environ.get("HTTP_HOST", ""), *([absolute[1]] if absolute else [])]
        return all(map(is_allowed, asked))

    return check
