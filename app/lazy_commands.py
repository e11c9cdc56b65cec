"""The application's own commands, each imported when it is called: a worker needs none."""

from collections.abc import Mapping
from importlib import import_module

import click
from flask.cli import AppGroup

COMMANDS: Mapping[str, str] = {
    "serve": "app.commands:serve",
    "import": "app.store.commands:import_",
    "export": "app.store.commands:export",
    "db": "app.store.db_commands:db",
    "config": "app.config_commands:config",
    "keys": "app.access.commands:keys",
    "schema": "app.docs.commands:schema",
    "record": "app.parity.commands:record",
    "replay": "app.parity.commands:replay",
    "compare": "app.parity.commands:compare",
    "deploy": "app.deploy.commands:deploy",
}
"""Name -> ``module:attribute``."""


class LazyCommands(AppGroup):
    """A command group that looks its commands up in ``COMMANDS`` after its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, ``None`` for an unknown one."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in COMMANDS:
            return found
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
