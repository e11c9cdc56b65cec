"""What the options of `serve` and `deploy` may be."""

import re
from collections.abc import Callable
from typing import Any

import click

_Callback = Callable[[click.Context, click.Parameter, Any], Any]
_HOST = re.compile(r"[A-Za-z0-9_*.-]+|\[[0-9A-Fa-f:.]+\]")
_PATH = re.compile(r"/[A-Za-z0-9._/@+-]*")


def checked(is_allowed: Callable[[str], object], allowed: str) -> _Callback:
    """Return a callback for an option whose value, or each of its values, must be allowed."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        for text in value if isinstance(value, tuple) else [value]:
            if text is not None and not is_allowed(text):
                raise click.BadParameter(f"must be {allowed}, not {text!r}")
        return value

    return check


def is_path(text: str) -> bool:
    """Whether a text is an absolute path that no configuration file reads otherwise."""
    return bool(_PATH.fullmatch(text))


def _is_address(text: str) -> bool:
    """Whether a server can listen there; 0 is any free port."""
    host, _, port = text.rpartition(":")
    return bool(_HOST.fullmatch(host)) and (port == "0" or _is_port(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536


def _is_listen(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return _is_port(port) and (text == port or bool(_HOST.fullmatch(host)))


def _is_upstream(text: str) -> bool:
    host, _, port = text.rpartition(":")
    if host == "unix":
        return bool(_PATH.fullmatch(port))
    return bool(_HOST.fullmatch(host)) and _is_port(port)


def _is_unprivileged(text: str) -> bool:
    return _is_address(text) and int(text.rpartition(":")[2]) >= 1024


address = checked(_is_address, "HOST:PORT")
unprivileged = checked(_is_unprivileged, "HOST:PORT with a port from 1024 to 65535")
listen = checked(_is_listen, "PORT or HOST:PORT")
upstream = checked(_is_upstream, "HOST:PORT or unix:/path")
hosts = checked(
    lambda text: all(map(_HOST.fullmatch, text.split(" "))), "host names, separated by blanks"
)
path = checked(is_path, "an absolute path of letters, digits and . _ / @ + -")
image = checked(
    re.compile(r"[a-z0-9][a-z0-9._/:-]*(?:@sha256:[0-9a-f]{64})?").fullmatch, "an image's name"
)
