"""The servers that ``chargecloud serve`` runs."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module

import click

from app.errors import CommandError, missing

Run = Callable[[str, int | None, int | None], None]
"""Serves ``wsgi:app`` on HOST:PORT with so many workers and threads each, until told to stop.

``None`` is the number that suits the server.
"""

SERVERS = {
    "gunicorn": "app.server.gunicorn_server",
    "granian": "app.server.granian_server",
    "waitress": "app.server.waitress_server",
}
DEFAULT = "waitress" if sys.platform == "win32" else "gunicorn"


class AddressError(CommandError):
    """An address that can't be listened on."""


def load(name: str) -> Run:
    """Return a server's ``run``; raises ClickException when it can't be had here."""
    try:
        run: Run = import_module(SERVERS[name]).run
    except ModuleNotFoundError as error:
        if error.name in sys.stdlib_module_names:
            raise click.ClickException(
                f"--server {name} does not run on this system; --server waitress does"
            ) from None
        raise click.ClickException(f"--server {name} {missing(error)}") from None
    return run


def check_addresses(addresses: Mapping[str, str]) -> None:
    """Listen on all addresses for a moment; raises AddressError where that is not possible.

    A server would try again and again, or say it in a traceback.

    Args:
        addresses: a setting's name -> its HOST:PORT.
    """
    if "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ:
        # gunicorn goes on with the sockets of the one that it replaces, or of systemd.
        return
    with ExitStack() as probes:
        for setting, address in addresses.items():
            _probe(address, setting, probes)


def _probe(address: str, setting: str, probes: ExitStack) -> None:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, where in found[:1]:
            probe = probes.enter_context(socket.socket(family, kind, protocol))
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            probe.listen()
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeError:
        # Of IDNA, for an empty or too long label.
        reason = f"{host} is not a host name"
    else:
        return
    raise AddressError(f"{setting} {address} can't be listened on: {reason}")
