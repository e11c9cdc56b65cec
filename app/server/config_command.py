"""The config command."""

import os

import click

from app.config import PREFIX, Settings


@click.command("config")
def config() -> None:
    """Show the effective settings, with secrets masked.

    A * marks what the environment sets.
    """
    for name, value in Settings.from_environ().masked().items():
        known = {PREFIX + name, f"{PREFIX}{name}_FILE"}
        click.echo(f"{'*' if known & os.environ.keys() else ' '} {PREFIX}{name}={value}")
