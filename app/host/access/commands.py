"""The keys commands."""

import sys
from contextlib import suppress
from errno import EBADF
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.access import key_file
from app.host.access.api_keys import ApiKeys, KeyFileError
from app.host.application import WebApi


@click.group("keys")
def keys() -> None:
    """Add, list and revoke API keys.

    They are kept in the file that CHARGECLOUD_API_KEYS_FILE names.
    """


@keys.command("add")
@click.argument("name")
@with_appcontext
def add(name: str) -> None:
    """Make a key for NAME and print it, once: only its hash is kept."""
    key = key_file.add(_path(), name)
    try:
        if sys.stdout is None:
            raise OSError(EBADF, "it is closed")
        click.echo(key)
    except OSError as error:
        key_file.revoke(_path(), name)
        # Python would try to write it once more at its end, and exit with 120.
        with suppress(AttributeError, OSError):
            sys.stdout.close()
        raise KeyFileError(
            f"the key can't be written to standard output: {error.strerror}; it is revoked"
        ) from None


@keys.command("list")
@with_appcontext
def list_() -> None:
    """Print each key's name and the day it was made."""
    for name, (_, day) in ApiKeys(_path()).names().items():
        click.echo(f"{name}\t{day}")


@keys.command("revoke")
@click.argument("name")
@with_appcontext
def revoke(name: str) -> None:
    """Refuse NAME's key from now on, without a restart."""
    key_file.revoke(_path(), name)


def _path() -> str:
    path = cast(WebApi, current_app).settings.api_keys_file
    if path is None:
        raise click.UsageError("CHARGECLOUD_API_KEYS_FILE is not set: it names the file of keys")
    return path
