"""The keys commands."""

from collections.abc import Callable
from typing import TypeVar, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.access.api_keys import ApiKeys, KeyFileError
from app.host.application import WebApi

T = TypeVar("T")


@click.group("keys")
def keys() -> None:
    """Make, list and revoke API keys, in the file that CHARGECLOUD_API_KEYS_FILE names."""


@keys.command("add")
@click.argument("name")
@with_appcontext
def add(name: str) -> None:
    """Make a key for NAME and print it, once: only its hash is kept."""
    click.echo(_change(lambda file: file.add(name)))


@keys.command("list")
@with_appcontext
def list_() -> None:
    """Print each key's name and the day it was made."""
    for name, (_, day) in _change(lambda file: file.names()).items():
        click.echo(f"{name}\t{day}")


@keys.command("revoke")
@click.argument("name")
@with_appcontext
def revoke(name: str) -> None:
    """Refuse NAME's key from now on, without a restart."""
    _change(lambda file: file.revoke(name))


def _change(change: Callable[[ApiKeys], T]) -> T:
    path = cast(WebApi, current_app).settings.api_keys_file
    if path is None:
        raise click.UsageError("CHARGECLOUD_API_KEYS_FILE is not set: it names the file of keys")
    try:
        return change(ApiKeys(path))
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
