"""ALLOWED_HOSTS: which hosts a request may name."""

import re
from collections.abc import Callable, Sequence

from app.host import environ as keys
from app.host.environ import Environ

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def allows(allowed: Sequence[str]) -> Callable[[Environ], bool]:
    """Return whether a WSGI environment names allowed hosts only; ``.a.example`` is any below.

    The ``Host`` header counts, and the host of an absolute-form target, which errors show.
    """
    names = frozenset(name for name in allowed if not name.startswith("."))
    endings = tuple(name for name in allowed if name.startswith("."))

    def is_allowed(host: str) -> bool:
        found = _HOST.fullmatch(host)
        name = found[1].lower() if found else ""
        return name in names or name.endswith(endings) if name else False

    def check(environ: Environ) -> bool:
        target = environ.get(keys.RAW_URI) or environ.get(keys.REQUEST_URI) or "/"
        absolute = _AUTHORITY.match(target)
        asked = [environ.get(keys.HOST, ""), *([absolute[1]] if absolute else [])]
        return all(map(is_allowed, asked))

    return check
