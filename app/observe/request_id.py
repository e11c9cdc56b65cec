"""Request ids: the client's own where it is sane, else one made here."""

import itertools
import os
import re
import secrets
from collections.abc import Callable

is_sane = re.compile(r"[A-Za-z0-9._+/=-]{1,64}\Z").match
"""An id that can stand in a header and in a log line as it is."""


def maker() -> Callable[[], str]:
    """Return a function that makes ids: a random part for each process, then a number.

    Cheaper than a UUID for each request (0.1 us instead of 2 us), as unlikely to be met twice.
    """
    prefix = secrets.token_hex(6)
    numbers = itertools.count(1)

    def renew() -> None:
        nonlocal prefix, numbers
        prefix = secrets.token_hex(6)
        numbers = itertools.count(1)

    # A forked worker would go on with its parent's ids, as all its siblings would.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)
    return lambda: f"{prefix}-{next(numbers):x}"
