"""The command line: its commands, and one line for every error."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click
from flask import Flask
from flask.cli import AppGroup, FlaskGroup

import app
from app.errors import CommandError

COMMANDS: Mapping[str, str] = {
    "serve": "app.server.commands:serve",
    "import": "app.store.transfer.commands:import_",
    "export": "app.store.transfer.commands:export",
    "db": "app.store.db_commands:db",
    "config": "app.server.config_command:config",
    "keys": "app.host.access.commands:keys",
    "schema": "app.docs.commands:schema",
    "record": "app.parity.record_command:record",
    "replay": "app.parity.commands:replay",
    "compare": "app.parity.commands:compare",
    "deploy": "app.server.deploy.commands:deploy",
}
"""Name -> ``module:attribute``."""


class LazyCommands(AppGroup):
    """A command group that imports each of ``COMMANDS`` when it is called: a worker needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without those of a plugin of Flask's."""
        return sorted({*self.commands, *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, ``None`` for an unknown one."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class Cli(LazyCommands, FlaskGroup):
    """The ``chargecloud`` command.

    Its help needs no application, so a wrong setting does not hide it. An error is one line: exit
    code 2 for usage and settings, 1 for a failure.
    """

    def __init__(self, create_app: Callable[[], Flask]) -> None:
        """Take what makes the application, for the commands that need it."""
        version = click.version_option(app.__version__, message="chargecloud %(version)s")
        super().__init__(
            create_app=create_app,
            add_version_option=False,
            help=app.__doc__,
            context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
        )
        version(self)
        # --app would name another application; this command has its own.
        self.params = [option for option in self.params if option.name != "app"]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command to run; Ctrl-C is its own to handle from here on (see app.__main__).

        Not so for ``serve``, whose server imports much more before it handles signals.
        """
        found = super().resolve_command(ctx, args)
        if found[0] != "serve" and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return found

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        """Run the command line and exit."""
        try:
            result = super().main(args, "chargecloud", standalone_mode=False, **options)
            sys.exit(result if isinstance(result, int) else 0)
        except click.exceptions.Abort:
            sys.exit(130)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except BrokenPipeError:
            # The reader of the output has gone, as with `| head`.
            sys.stderr.close()
            sys.exit(1)
        except CommandError as error:
            _fail(str(error), error.exit_code)
        except OSError as error:
            # Python would try to write the rest of the output at its end, and exit with 120.
            with suppress(OSError):
                sys.stdout.close()
            _fail(str(error), 1)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"chargecloud: {' '.join(message.split())}", err=True)
    sys.exit(code)
