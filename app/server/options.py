"""What the options of `serve` and `deploy` may be."""

import re
from collections.abc import Callable
from typing import Any

import click

_Callback = Callable[[click.Context, click.Parameter, Any], Any]


def is_address(text: str) -> bool:
    """Whether a text is HOST:PORT."""
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdecimal() and int(port) < 65536


def checked(is_allowed: Callable[[str], object], allowed: str) -> _Callback:
    """Return a callback for an option whose value, or each of its values, must be allowed."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        for text in value if isinstance(value, tuple) else [value]:
            if text is not None and not is_allowed(text):
                raise click.BadParameter(f"must be {allowed}, not {text!r}")
        return value

    return check


def matching(pattern: str, allowed: str) -> _Callback:
    """Return a callback for an option whose value, or each of its values, matches as a whole."""
    return checked(re.compile(pattern).fullmatch, allowed)


address = checked(is_address, "HOST:PORT")
