"""What the store's commands share: the store, the resource that is meant, the last line."""

import os
import sys
from collections.abc import Iterable
from typing import cast

import click
from flask import current_app

from app.store.store import Store
from schemas.resource import Resource


def current_store() -> Store:
    """Return the application's store."""
    return cast(Store, current_app.store)  # type: ignore[attr-defined]


def resource_named(resources: Iterable[Resource], name: str | None) -> Resource:
    """Return the resource whose contract has a name, in any case; the first one for ``None``.

    Raises click.BadParameter for an unknown name.
    """
    known = {each.contract.name(): each for each in resources}
    for found, resource in known.items():
        if name is None or found.lower() == name.lower():
            return resource
    raise click.BadParameter(
        f"{name!r} is not one of {', '.join(known)}", param_hint="'--contract'"
    )


def report(done: str) -> None:
    """Say what is stored; that it can't be said is no failure of what was done."""
    try:
        click.echo(done)
    except OSError as error:
        click.echo(f"{done} (standard output can't be written: {error.strerror})", err=True)
        # Python would try to write it once more at its end.
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
