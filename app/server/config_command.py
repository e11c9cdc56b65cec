"""The config command."""

import os
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.config import PREFIX, masked_url
from app.host.application import WebApi


@click.command("config")
@with_appcontext
def config() -> None:
    """Show the effective settings, with secrets masked.

    A * marks what the environment sets.
    """
    app = cast(WebApi, current_app)
    shown = app.settings.masked()
    for name, value in {**shown, "DATABASE_URL": masked_url(app.store.url)}.items():
        known = {PREFIX + name, f"{PREFIX}{name}_FILE"}
        click.echo(f"{'*' if known & os.environ.keys() else ' '} {PREFIX}{name}={value}")
